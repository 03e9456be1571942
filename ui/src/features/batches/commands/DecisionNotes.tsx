import { Alert } from "@mantine/core";

import { ApprovalNote } from "@/features/batches/commands/ApprovalNote";
import { UndoOffer } from "@/features/batches/commands/UndoOffer";
import type { BatchSummary } from "@/shared/api/models";

/** What stands above a request or an account of it: that only a part of it is shown, how it is approved, what was noted, and a removal that can be undone. */
export function DecisionNotes({ batch }: { batch: BatchSummary }) {
  return (
    <>
      {batch.part && (
        <Alert color="blue" mb="md" title="You see a part of this request" role="status">
          {batch.part.sentence}
        </Alert>
      )}
      <ApprovalNote batch={batch} />
      <UndoOffer batch={batch} />
    </>
  );
}
