import { ApprovalNote } from "@/features/batches/commands/ApprovalNote";
import { UndoOffer } from "@/features/batches/commands/UndoOffer";
import type { BatchSummary } from "@/shared/api/models";

/** What stands above a request or an account of it: how it is approved, what was noted, and a removal that can be undone. */
export function DecisionNotes({ batch }: { batch: BatchSummary }) {
  return (
    <>
      <ApprovalNote batch={batch} />
      <UndoOffer batch={batch} />
    </>
  );
}
