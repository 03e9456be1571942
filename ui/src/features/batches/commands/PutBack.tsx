import { createContext, useContext } from "react";

import { undoRemoval } from "@/features/batches/api/undoRemoval";
import { useKept } from "@/features/batches/commands/kept";
import { changeBarred } from "@/features/batches/commands/rules";
import { MEMBERSHIP } from "@/shared/api/keys";
import type { BatchAccountRow, BatchSummary, CommandResult } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { useMe } from "@/shared/session/session";
import { tell } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

/** The request under review whose rows are drawn; null where nothing can be changed. */
export const Reviewed = createContext<BatchSummary | null>(null);

/** On a removed row of a request under review: the way back into it. */
export function PutBack({ row }: { row: BatchAccountRow }) {
  const batch = useContext(Reviewed);
  return batch?.status === "PENDING_APPROVAL" && row.state === "REMOVED" ? <PutBackButton batch={batch} row={row} /> : null;
}

function PutBackButton({ batch, row }: { batch: BatchSummary; row: BatchAccountRow }) {
  const me = useMe();
  const { setRemoval } = useKept(batch);
  const command = useCommand<CommandResult>({
    touches: MEMBERSHIP,
    perhaps: `Account ${row.account_number} may be back in request ${batch.batch_id}.`,
    onDone: () => {
      setRemoval(null); // its number of accounts holds no more
      tell("Removal undone", `Account ${row.account_number} is back in request ${batch.batch_id}.`);
    },
  });
  return (
    <ReasonedButton
      size="compact-xs"
      variant="default"
      aria-label={`Undo the removal of account ${row.account_number}`}
      barred={changeBarred(batch, me)}
      loading={command.isBusy}
      onClick={() => command.run(undoRemoval(batch, { selection: { kind: "ids", ids: [row.account_id] }, expected_count: 1 }))}
    >
      Undo
    </ReasonedButton>
  );
}
