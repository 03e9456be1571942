import { Alert, Anchor, SegmentedControl, Text, Title } from "@mantine/core";
import { Link, Navigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { AccountHead } from "@/features/batches/account/AccountHead";
import { EditOrders } from "@/features/batches/account/EditOrders";
import type { Draft } from "@/features/batches/account/edited";
import { Comparison, ComparisonSentences } from "@/features/batches/account/Comparison";
import { Lots } from "@/features/batches/account/Lots";
import { listPage } from "@/features/batches/account/list";
import { PositionTable } from "@/features/batches/account/PositionTable";
import { Orders, TradeNotes } from "@/features/batches/account/Trades";
import { Executions } from "@/features/batches/execution/Executions";
import { DecisionNotes } from "@/features/batches/commands/DecisionNotes";
import { Reviewed } from "@/features/batches/commands/PutBack";
import { PutAsideNote } from "@/features/batches/commands/PutAsideNote";
import { changeBarred } from "@/features/batches/commands/rules";
import { StaleNote } from "@/features/batches/commands/StaleNote";
import { useBatchAccount } from "@/features/batches/api/getBatchAccount";
import { isOpen, type Shelf } from "@/features/batches/status";
import type { BatchAccountRow, BatchAccountView, EditView } from "@/shared/api/models";
import { instant } from "@/shared/format/format";
import { logicNames } from "@/shared/format/names";
import { useMe } from "@/shared/session/session";
import type { ListSearch } from "@/shared/state/search";
import { FailedPage, Failure, WaitingPage } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  batchId: number;
  accountId: string;
  shelf: Shelf;
}

/** One account of a request: what is proposed, why, and what it would cost in tax. */
export function BatchAccountPage({ batchId, accountId, shelf }: Props) {
  const list: ListSearch = useSearch({ strict: false });
  const view = useBatchAccount(batchId, accountId, list);
  const [draft, setDraft] = useState<Draft | null>(null); // kept here: figures may go and come back while it is typed
  if (view.isPending) return <WaitingPage title="Account" what="the account" />;
  if (!view.data) return <FailedPage title={`Account in request ${batchId}`} error={view.error} onRetry={() => void view.refetch()} />;
  const { batch, account, proposals, logic } = view.data;
  if (shelf === "history" && isOpen(batch.status)) {
    return <Navigate to="/pending/$batchId/accounts/$accountId" params={{ batchId: String(batchId), accountId }} replace />;
  }
  const isReview = shelf === "open" && isOpen(batch.status);
  return (
    <Reviewed value={isReview ? batch : null}>
      <nav aria-label="Breadcrumb" className="breadcrumb">
        <Anchor component={Link} to={shelf === "open" ? "/pending" : "/history"} size="sm">
          {shelf === "open" ? "Pending Approval" : "History"}
        </Anchor>
        <span aria-hidden="true"> / </span>
        <Link to={shelf === "open" ? "/pending/$batchId" : "/history/$batchId"} params={{ batchId: String(batchId) }} search={listPage(list, view.data.position)}>
          Request {batchId}
        </Link>
      </nav>
      <AccountHead view={view.data} shelf={shelf} list={list} />
      {view.error && <Failure error={view.error} onRetry={() => void view.refetch()} />}
      {!isReview && (
        <Text className="frozen" mb="md">
          Values as shown when it was decided{batch.decided_at ? `, ${instant(batch.decided_at)}` : ""}.
        </Text>
      )}
      {account.execution && (
        <>
          <Title order={2}>Execution</Title>
          <Executions orders={view.data.executions} />
        </>
      )}
      <PutAsideNote batch={batch} />
      <DecisionNotes batch={batch} />
      <OverBudget account={account} />
      {view.data.edit && <EditedNote edit={view.data.edit} />}
      {isReview && account.stale && <StaleNote batch={batch} account={account} />}
      {proposals.length === 0 ? (
        <Text>{account.state === "WORKING" ? "Trades are being worked out." : account.result || "There is no proposal for this account."}</Text>
      ) : (
        <Proposals key={`${accountId} ${logic}`} view={view.data} isReview={isReview} draft={draft} onDraft={setDraft} />
      )}
    </Reviewed>
  );
}

/** The gain limits that the proposal in force exceeds. */
function OverBudget({ account }: { account: BatchAccountRow }) {
  if (account.excesses.length === 0) return null;
  return (
    <Alert color="red" mb="md" title="Over its gain budget" role="status">
      {account.excesses.map(({ limit, sentence }) => (
        <div key={limit}>{sentence}</div>
      ))}
    </Alert>
  );
}

/** Who edited the trades of the account, when and why. */
function EditedNote({ edit }: { edit: EditView }) {
  return (
    <Alert color="blue" mb="md" title={`Edited by ${edit.by}, ${instant(edit.at)}`} role="status">
      {edit.note}
    </Alert>
  );
}

interface ProposalsProps {
  view: BatchAccountView;
  isReview: boolean;
  draft: Draft | null;
  onDraft: (draft: Draft | null) => void;
}

/** Starts with the logic in force; looking at the other changes nothing. */
function Proposals({ view, isReview, draft, onDraft }: ProposalsProps) {
  const { batch, account, proposals, logic: inForce, wash_note: washNote, edit } = view;
  const me = useMe();
  const [logic, setLogic] = useState(inForce);
  const of = `${batch.batch_id} ${account.account_id} ${inForce}`;
  const shown = proposals.find((proposal) => proposal.logic === logic) ?? proposals[0];
  if (!shown) return null;
  const barred = account.stale ? "The proposal is stale: propose it again, then edit it." : changeBarred(batch, me);
  return (
    <>
      <ComparisonSentences proposals={proposals} inForce={inForce} />
      <div className="shown-logic">
        <span id="shown-logic">Trades and lots of</span>
        <SegmentedControl
          aria-labelledby="shown-logic"
          size="xs"
          value={shown.logic}
          data={proposals.map((proposal) => ({ value: proposal.logic, label: logicNames[proposal.logic] }))}
          onChange={setLogic}
        />
        {shown.logic !== inForce && <Text size="sm">Not in force: the request uses {logicNames[inForce]}.</Text>}
      </div>
      <TradeNotes proposal={shown} />
      <PositionTable proposals={proposals} inForce={inForce} shown={shown} />
      <Orders
        proposal={shown}
        edit={edit?.logic === shown.logic ? edit : null}
        editing={
          isReview && shown.logic === inForce && account.state === "PROPOSED"
            ? {
                button: draft?.of !== of && (
                  <ReasonedButton variant="default" size="compact-sm" barred={barred} onClick={() => onDraft({ of, quantities: {}, note: "" })}>
                    Edit trades
                  </ReasonedButton>
                ),
                form: draft?.of === of ? (lines) => <EditOrders batch={batch} accountId={account.account_id} lines={lines} draft={draft} onDraft={onDraft} barred={barred} /> : null,
              }
            : undefined
        }
      />
      <Comparison proposals={proposals} inForce={inForce} />
      <Title order={2}>Lots sold</Title>
      <Lots proposal={shown} washNote={washNote} />
    </>
  );
}
