import { Alert, Anchor, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { useAccount } from "@/features/account/api/getAccount";
import { evaluated, isEvaluated, noReason } from "@/features/account/evaluated";
import { HoldingsSection } from "@/features/account/HoldingsSection";
import type { AccountView } from "@/shared/api/models";
import { count, day, instant, MISSING, percent, usd } from "@/shared/format/format";
import { accountStates, endedBy, sourceNames, stateNames, tileNames } from "@/shared/format/names";
import { BandBar } from "@/shared/ui/BandBar";
import { Facts } from "@/shared/ui/Facts";
import { FailedPage, Failure, WaitingPage } from "@/shared/ui/Notes";
import { PageHead } from "@/shared/ui/PageHead";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag } from "@/shared/ui/Tag";

type Cause = AccountView["causes"][number];
type Why = AccountView["why"][number];
type AccountRequest = AccountView["rebalances"][number];

const WHY: readonly PlainColumn<Why>[] = [
  { header: "Component", cell: (why) => why.component },
  { header: "Sleeve", cell: (why) => why.sleeve_id ?? MISSING },
  { header: "Weight", isNumber: true, cell: (why) => percent(why.weight, 2) },
  { header: "Target", isNumber: true, cell: (why) => percent(why.target, 2) },
  { header: "Band", isNumber: true, cell: (why) => `${percent(why.low, 2)} to ${percent(why.high, 2)}` },
  { header: "In its band", cell: (why) => <BandBar what={why.component} weight={why.weight} target={why.target} low={why.low} high={why.high} /> },
  { header: "Why", cell: (why) => <span className="sentence">{why.sentence}</span> },
];

const CAUSES: readonly PlainColumn<Cause>[] = [
  { header: "Date", cell: (cause) => day(cause.business_date) },
  { header: "Source", cell: (cause) => sourceNames[cause.source] },
  { header: "What happened", cell: (cause) => cause.detail },
];

const REBALANCES: readonly PlainColumn<AccountRequest>[] = [
  {
    header: "Request",
    cell: (batch) => (
      <>
        <Link to="/history/$batchId" params={{ batchId: String(batch.batch_id) }}>
          {batch.batch_id}
        </Link>
        {batch.label && <span className="note under">{batch.label}</span>}
      </>
    ),
  },
  { header: "Result", cell: (batch) => [accountStates[batch.account_state], batch.account_state === "CANCELLED" ? endedBy(batch) : ""].filter(Boolean).join(" ") },
  { header: "Trade date", cell: (batch) => day(batch.session ?? batch.trade_date) },
  { header: "Decided at", cell: (batch) => instant(batch.decided_at) },
  { header: "Decided by", cell: (batch) => batch.decided_by ?? "Automatic" },
];

/** One account: its facts, why it is flagged, what brought it here, and earlier requests. actions: what can be done with it. */
export function AccountPage({ accountId, actions }: { accountId: string; actions: (account: AccountView) => ReactNode }) {
  const view = useAccount(accountId);
  if (view.isPending) return <WaitingPage title="Account" what="the account" />;
  if (!view.data) return <FailedPage title="Account" error={view.error} onRetry={() => void view.refetch()} />;
  const account = view.data;
  return (
    <>
      <nav aria-label="Breadcrumb" className="breadcrumb">
        <Anchor component={Link} to="/accounts" size="sm">
          Accounts to Rebalance
        </Anchor>
      </nav>
      <PageHead
        title={`${account.account_number} ${account.name}`}
        aside={
          <span className="tags">
            <Tag tone={account.state === "FLAGGED" ? "warn" : account.state === "HELD" || account.state === "NO_TARGET" ? "bad" : "plain"}>{stateNames[account.state]}</Tag>
            {account.tiles.map((tile) => (
              <Tag key={tile} tone="warn">
                {tileNames[tile]}
              </Tag>
            ))}
          </span>
        }
      >
        {actions(account)}
      </PageHead>
      {view.error && <Failure error={view.error} onRetry={() => void view.refetch()} />}
      <Notices account={account} />
      <AccountFacts account={account} />
      <Title order={2}>Why it is flagged</Title>
      <p className="note">{evaluated(account)}</p>
      <PlainTable label="Why it is flagged" columns={WHY} rows={account.why} rowKey={(why) => `${why.sleeve_id ?? ""} ${why.component}`} empty={noReason(account)} />
      <HoldingsSection accountId={accountId} />
      <Title order={2}>What brought it here</Title>
      <PlainTable label="What brought it here" columns={CAUSES} rows={account.causes} rowKey={(cause) => `${cause.business_date} ${cause.source} ${cause.detail}`} empty="No cause is recorded." />
      <Title order={2}>Earlier requests</Title>
      <PlainTable label="Earlier requests" columns={REBALANCES} rows={account.rebalances} rowKey={(batch) => String(batch.batch_id)} empty="It has not been part of a decided request." />
    </>
  );
}

function Notices({ account }: { account: AccountView }) {
  return (
    <>
      {account.hold_code !== null && (
        <Alert color="red" title="Data hold" mb="md" role="status">
          {account.hold_text ?? "Its data cannot be used as it is."} It is neither flagged nor proposed until a good file arrives.
        </Alert>
      )}
      {account.open_batch !== null && (
        <Alert color="blue" title="In an open request" mb="md" role="status">
          <Link to="/pending/$batchId/accounts/$accountId" params={{ batchId: String(account.open_batch), accountId: account.account_id }}>
            See it in request {account.open_batch}
          </Link>
        </Alert>
      )}
      {account.state === "SETTLING" && (
        <Text mb="md">Its orders were sent. It is evaluated again when a custodian file dated on or after the session on which they are traded has come.</Text>
      )}
    </>
  );
}

function AccountFacts({ account }: { account: AccountView }) {
  return (
    <Facts
      label="Facts"
      items={[
        ["Market value", usd(account.market_value, true)],
        ["Cash", usd(account.cash, true)],
        ["Cash weight", percent(account.cash_weight, 2)],
        ["Cash target", percent(account.cash_target, 2)],
        ["Cash band", account.cash_low === null ? MISSING : `${percent(account.cash_low, 2)} to ${percent(account.cash_high, 2)}`],
        ["Max drift", percent(account.max_drift, 2)],
        ["Drifted", isEvaluated(account) ? count(account.drifted_components) : MISSING],
        ["Needed since", day(account.needed_since)],
        ["Last rebalanced", account.last_rebalanced ? day(account.last_rebalanced) : "Never"],
        ["Source", account.source ? sourceNames[account.source] : MISSING],
        ["Target portfolio", account.portfolio_id ?? "None"],
        ["Custodian", account.custodian],
        ["Advisor", account.advisor_id],
        ["Enterprise", account.enterprise_id],
      ]}
    />
  );
}
