import { Anchor, SegmentedControl, Text, Title } from "@mantine/core";
import { Link, Navigate } from "@tanstack/react-router";
import { useRef, useState } from "react";

import { AccountHead } from "@/features/batches/account/AccountHead";
import { Comparison } from "@/features/batches/account/Comparison";
import { Lots, type PositionKey } from "@/features/batches/account/Lots";
import { Positions } from "@/features/batches/account/Positions";
import { Trades } from "@/features/batches/account/Trades";
import { Executions } from "@/features/batches/execution/Executions";
import { DecisionNotes } from "@/features/batches/commands/DecisionNotes";
import { Reviewed } from "@/features/batches/commands/PutBack";
import { PutAsideNote } from "@/features/batches/commands/PutAsideNote";
import { StaleNote } from "@/features/batches/commands/StaleNote";
import { useBatchAccount } from "@/features/batches/api/getBatchAccount";
import { isOpen, type Shelf } from "@/features/batches/status";
import type { Logic, Proposal } from "@/shared/api/models";
import { instant } from "@/shared/format/format";
import { logicNames } from "@/shared/format/names";
import { FailedPage, Failure, Waiting } from "@/shared/ui/Notes";

interface Props {
  batchId: number;
  accountId: string;
  shelf: Shelf;
}

/** One account of a request: what is proposed, why, and what it would cost in tax. */
export function BatchAccountPage({ batchId, accountId, shelf }: Props) {
  const view = useBatchAccount(batchId, accountId);
  if (view.isPending) return <Waiting what="the account" />;
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
        <Anchor component={Link} to={shelf === "open" ? `/pending/${batchId}` : `/history/${batchId}`} size="sm">
          Request {batchId}
        </Anchor>
      </nav>
      <AccountHead view={view.data} shelf={shelf} />
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
      {isReview && account.stale && <StaleNote batch={batch} account={account} />}
      {proposals.length === 0 ? (
        <Text>{account.state === "WORKING" ? "Trades are being worked out." : account.result || "There is no proposal for this account."}</Text>
      ) : (
        <Proposals key={`${accountId} ${logic}`} proposals={proposals} inForce={logic} washNote={view.data.wash_note} />
      )}
    </Reviewed>
  );
}

/** Starts with the logic in force; looking at the other changes nothing. */
function Proposals({ proposals, inForce, washNote }: { proposals: readonly Proposal[]; inForce: Logic; washNote: string }) {
  const [logic, setLogic] = useState(inForce);
  const [position, setPosition] = useState<PositionKey | null>(null);
  const lots = useRef<HTMLHeadingElement>(null);
  const shown = proposals.find((proposal) => proposal.logic === logic) ?? proposals[0];
  if (!shown) return null;
  return (
    <>
      <Comparison proposals={proposals} inForce={inForce} />
      <div className="shown-logic">
        <span id="shown-logic">Details of</span>
        <SegmentedControl
          aria-labelledby="shown-logic"
          size="xs"
          value={shown.logic}
          data={proposals.map((proposal) => ({ value: proposal.logic, label: logicNames[proposal.logic] }))}
          onChange={(value) => {
            setLogic(value);
            setPosition(null);
          }}
        />
        {shown.logic !== inForce && <Text size="sm">Not in force: the request uses {logicNames[inForce]}.</Text>}
      </div>
      <Title order={2}>Trades</Title>
      <Trades proposal={shown} />
      <Title order={2}>Positions</Title>
      <Positions
        proposal={shown}
        onOpen={(opened) => {
          setPosition(opened);
          lots.current?.focus();
        }}
      />
      <Title order={2} ref={lots} tabIndex={-1}>
        Lots relieved
      </Title>
      <Lots proposal={shown} washNote={washNote} position={position} onShowAll={() => setPosition(null)} />
    </>
  );
}
