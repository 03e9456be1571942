import { Text } from "@mantine/core";

import { decideBatch } from "@/features/batches/api/decideBatch";
import { useBatchPage } from "@/features/batches/api/listBatchAccounts";
import { sentences } from "@/features/batches/commands/ApprovalNote";
import { useKept } from "@/features/batches/commands/kept";
import { NoteField } from "@/features/batches/commands/NoteField";
import { needsNote, type Decision } from "@/features/batches/commands/rules";
import { DisallowedTotal, EarlierTotal } from "@/features/batches/request/Disallowed";
import { OverBudgetTotal } from "@/features/batches/request/TotalsStrip";
import { MEMBERSHIP } from "@/shared/api/keys";
import type { BatchSummary, CommandResult, Totals } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { count, day, plural, usd } from "@/shared/format/format";
import { Gain } from "@/shared/ui/Amount";
import { Confirm } from "@/shared/ui/Confirm";
import { Facts } from "@/shared/ui/Facts";
import { Failure, tell, Waiting } from "@/shared/ui/Notes";

interface Props {
  batch: BatchSummary;
  decision: Decision;
  unseen: number;
  onClose: () => void;
}

const WHOLE = { filter: { tiles: [], f: [], q: "" }, search: {}, page: 1, size: 50 };

/** Ask before a request is decided: how many accounts, and what it comes to. */
export function DecideDialog({ batch, decision, unseen, onClose }: Props) {
  const isApproval = decision === "approve";
  const page = useBatchPage(batch.batch_id, WHOLE);
  const accounts = plural(batch.counts.proposed, "account");
  const { note, setNote } = useKept(batch);
  const isFirst = isApproval && (batch.rules?.approvers ?? 1) > 1 && !batch.first_approval?.stands;
  const command = useCommand<CommandResult>({
    touches: MEMBERSHIP,
    isInDialog: true,
    perhaps: `Request ${batch.batch_id} may have been ${isApproval ? "approved" : "cancelled"}.`,
    onDone: (result) => {
      setNote("");
      onClose();
      if (isApproval && result.batch.status !== "APPROVED") {
        tell("First approval kept", `A second person must approve request ${batch.batch_id} before orders go out.`);
        return;
      }
      tell(
        isApproval ? `Request ${batch.batch_id} approved` : `Request ${batch.batch_id} cancelled`,
        isApproval ? `Orders for ${accounts} are on their way${tradedOn(result.batch)}.` : `${accounts} go back to the queue.`,
      );
    },
    onRefused: (problem) => {
      if (problem.outdated) onClose();
      return false;
    },
  });
  const hasChanged = page.data !== undefined && page.data.batch.version !== batch.version;

  return (
    <Confirm
      title={isApproval ? `Approve request ${batch.batch_id}: ${accounts}?` : `Cancel request ${batch.batch_id}: ${accounts}?`}
      confirm={isFirst ? `Approve ${count(batch.counts.proposed)} as the first of two` : isApproval ? `Approve ${count(batch.counts.proposed)}` : `Cancel ${count(batch.counts.proposed)}`}
      safe={isApproval ? "Not yet" : "Keep the request"}
      isDanger={!isApproval}
      isBusy={command.isBusy}
      refusal={command.refusal}
      isBarred={hasChanged || page.data === undefined || (needsNote(batch) && note.trim() === "")}
      onClose={onClose}
      onConfirm={() => command.run(decideBatch(batch, decision, note))}
    >
      <Text mb="sm">
        {isApproval
          ? `Orders go to market and sleeve transfers are made for every account that remains${tradedOn(page.data?.batch)}. This cannot be taken back.`
          : "Nothing is traded. The accounts go back to the queue and are evaluated again."}
        {unseen > 0 && ` This includes ${plural(unseen, "account")} not shown by your filter.`}
      </Text>
      {isApproval &&
        sentences(batch).map((sentence) => (
          <Text key={sentence} mb="sm">
            {sentence}
          </Text>
        ))}
      {page.error && <Failure error={page.error} />}
      {page.isPending && <Waiting what="totals" />}
      {isApproval && page.data && page.data.totals.over_budget > 0 && (
        <Text mb="sm" className="conflict" fw={600}>
          {plural(page.data.totals.over_budget, "account realises", "accounts realise")} more gains than {page.data.totals.over_budget === 1 ? "its" : "their"} gain budget allows. Their rows show both figures.
        </Text>
      )}
      {page.data && <DecisionFacts batch={batch} totals={page.data.totals} />}
      <NoteField batch={batch} note={note} onChange={setNote} />
      {hasChanged && (
        <Text mt="sm" role="alert" fw={600}>
          The request has changed since you opened this. Go back and look at it again.
        </Text>
      )}
    </Confirm>
  );
}

/** On which session its orders are traded: after the exchange's close that is the next one. */
function tradedOn(batch: BatchSummary | undefined): string {
  return batch?.session ? `, traded on ${day(batch.session)}` : "";
}

function DecisionFacts({ batch, totals }: { batch: BatchSummary; totals: Totals }) {
  return (
    <Facts
      label="What is decided"
      items={[
        ["Accounts", count(batch.counts.proposed)],
        ["Failed", count(batch.counts.failed)],
        ["Removed", count(batch.counts.removed)],
        ["Buys", `${count(totals.buys)} · ${usd(totals.buys_value)}`],
        ["Sells", `${count(totals.sells)} · ${usd(totals.sells_value)}`],
        ["Flat trades", `${count(totals.flats)} · ${usd(totals.flats_value)}`],
        ["Short-term G&L", <Gain key="st" value={totals.short_term} />],
        ["Long-term G&L", <Gain key="lt" value={totals.long_term} />],
        ["Estimated realized G&L", <Gain key="est" value={totals.estimated} noBasis={totals.no_basis_proceeds} />],
        ["Non-taxable accounts G&L", <Gain key="nt" value={totals.non_taxable_estimated} />],
        ["Losses disallowed by wash sales", <DisallowedTotal key="wash" totals={totals} />],
        ["Earlier losses disallowed by buys", <EarlierTotal key="earlier" totals={totals} />],
        ["Accounts over their gain budget", <OverBudgetTotal key="budget" totals={totals} />],
      ]}
    />
  );
}
