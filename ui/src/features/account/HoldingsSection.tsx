import { Title } from "@mantine/core";

import { usePositions } from "@/features/account/api/getPositions";
import { isEvaluated } from "@/features/account/evaluated";
import type { AccountPosition, AccountSettings, LotPick } from "@/shared/api/models";
import { day, MISSING, percent, price, quantity, usd } from "@/shared/format/format";
import { isManaged, ROLES } from "@/shared/format/holdingRole";
import { lotMethodNames } from "@/shared/format/names";
import { BandBar } from "@/shared/ui/BandBar";
import { Facts } from "@/shared/ui/Facts";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag } from "@/shared/ui/Tag";

const columns = (wasEvaluated: boolean): readonly PlainColumn<AccountPosition>[] => [
  { header: "Sleeve", cell: (holding) => holding.sleeve_id },
  { header: "Security", cell: (holding) => <Named holding={holding} /> },
  { header: "Quantity", isNumber: true, cell: (holding) => quantity(holding.quantity) },
  { header: "Price", isNumber: true, cell: (holding) => (holding.price === null ? "No price" : price(holding.price)) },
  { header: "Value", isNumber: true, cell: (holding) => (holding.role === "EXCLUDED" ? "Not counted" : usd(holding.value, true)) },
  {
    header: "Weight",
    isNumber: true,
    cell: (holding) => (
      <span className="with-bar">
        {percent(holding.weight, 2)}
        {isManaged(holding) && <BandBar what={holding.security_id} weight={holding.weight} target={holding.target} low={holding.low} high={holding.high} />}
      </span>
    ),
  },
  {
    header: "Target",
    isNumber: true,
    help: "As flags are judged: after a substitute has taken over what its security lacks",
    cell: (holding) =>
      isManaged(holding) ? (
        <>
          {percent(holding.target, 2)}
          {holding.portfolio_target && <span className="note under">portfolio: {percent(holding.portfolio_target, 2)}</span>}
        </>
      ) : (
        MISSING
      ),
  },
  { header: "Band", isNumber: true, cell: (holding) => (isManaged(holding) ? `${percent(holding.low, 2)} to ${percent(holding.high, 2)}` : MISSING) },
  { header: "In band", cell: (holding) => (!wasEvaluated || holding.weight === null || !isManaged(holding) ? MISSING : holding.outside ? <Tag tone="warn">Outside</Tag> : "Inside") },
  { header: "Treated as", cell: (holding) => ROLES[holding.role] },
  { header: "Can flag", help: "Whether this position may raise a flag; it never decides what is traded", cell: (holding) => (holding.can_trigger ? "Yes" : "No") },
];

const PICKS: readonly PlainColumn<LotPick>[] = [
  { header: "Security", cell: (pick) => pick.security_id },
  { header: "Lot", cell: (pick) => pick.lot_id },
  { header: "Sleeve", cell: (pick) => pick.sleeve_id ?? "Wherever it stands" },
  { header: "Picked", isNumber: true, cell: (pick) => quantity(pick.quantity) },
];

/** The security, and where it stands in for another one or another one for it. */
function Named({ holding: { security_id, replaced_by, replaces = [] } }: { holding: AccountPosition }) {
  return (
    <>
      {security_id}
      {replaced_by && <span className="note under">substituted by {replaced_by}</span>}
      {replaces.length > 0 && <span className="note under">substitute for {replaces.join(", ")}</span>}
    </>
  );
}

/** Positions and settings as the last analysis knew them. */
export function HoldingsSection({ accountId }: { accountId: string }) {
  const holdings = usePositions(accountId);
  return (
    <>
      <Title order={2}>Positions</Title>
      {holdings.isPending && <Waiting what="positions" />}
      {holdings.error && <Failure error={holdings.error} onRetry={() => void holdings.refetch()} />}
      {holdings.data === null && <p className="note">No custodian file has reported this account yet.</p>}
      {holdings.data && (
        <>
          <p className="note">
            Holdings of {day(holdings.data.as_of)}, prices of {day(holdings.data.prices_as_of)}.
            {inEquivalents(holdings.data.cash_equivalents)}
          </p>
          <PlainTable label="Positions" columns={columns(isEvaluated(holdings.data))} rows={holdings.data.positions} isMuted={(holding) => !isManaged(holding)} rowKey={(holding) => `${holding.sleeve_id} ${holding.security_id}`} empty="It holds nothing and has no target." />
          <Title order={2}>Settings</Title>
          <SettingFacts settings={holdings.data.settings} />
          {holdings.data.settings.lot_method === "SPECIFIC" && <Picks picks={holdings.data.settings.lot_picks} />}
        </>
      )}
    </>
  );
}

/** The lots that leave first; the rest of a sale is taken oldest first. */
function Picks({ picks }: { picks: readonly LotPick[] }) {
  return (
    <>
      <Title order={2}>Lots picked for sale</Title>
      <PlainTable
        label="Lots picked for sale"
        columns={PICKS}
        rows={picks}
        rowKey={(pick) => `${pick.security_id} ${pick.lot_id} ${pick.sleeve_id ?? ""}`}
        empty="No lot is picked: the oldest lots leave first."
      />
    </>
  );
}

function SettingFacts({ settings }: { settings: AccountSettings }) {
  const yes = (is: boolean) => (is ? "Yes" : "No");
  return (
    <Facts
      label="Settings"
      items={[
        ["Rebalancer", settings.rebalancer_on ? "On" : "Off"],
        ["Do not trade", yes(settings.do_not_trade)],
        ["Taxable", yes(settings.taxable)],
        ["Lot method", lotMethodNames[settings.lot_method] ?? settings.lot_method],
        ["Gain budget, short-term", budget(settings.gain_budget_short)],
        ["Gain budget, in all", budget(settings.gain_budget_total)],
        ["No short-term gains", yes(settings.no_short_term_gains)],
        ["Rebalance threshold", `${percent(settings.threshold)} of target`],
        ["Minimum drift", percent(settings.floor, 2)],
        ["Precision", `${percent(settings.precision)} of target`],
        ["Cash reserve", usd(settings.cash_reserve, true)],
        ["Cash set aside", usd(settings.cash_set_aside, true)],
        ["Restrictions", settings.restrictions.length === 0 ? "None" : settings.restrictions.map(restriction).join("; ")],
      ]}
    />
  );
}

/** How much of the account's cash is in sweep funds and the like. */
function inEquivalents(cents: string | null | undefined): string {
  return cents && cents !== "0.00" ? ` Of its cash ${usd(cents, true)} is in cash equivalents.` : "";
}

function budget(cents: string | null): string {
  return cents === null ? "No limit" : usd(cents, true);
}

function restriction({ security_id, restrictions, substitute_id }: AccountSettings["restrictions"][number]): string {
  const names = restrictions.map((name) => name.toLowerCase().replaceAll("_", " "));
  return `${security_id}: ${[...names, ...(substitute_id ? [`substitute ${substitute_id}`] : [])].join(", ")}`;
}
