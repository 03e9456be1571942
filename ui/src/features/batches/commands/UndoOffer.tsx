import { Alert, Button } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useState } from "react";

import { undoRemoval } from "@/features/batches/api/undoRemoval";
import { useKept } from "@/features/batches/commands/kept";
import { changeBarred } from "@/features/batches/commands/rules";
import { MEMBERSHIP } from "@/shared/api/keys";
import type { BatchSummary, CommandResult } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { count, plural } from "@/shared/format/format";
import { useMe } from "@/shared/session/session";
import { tell } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

/** After a removal: the way to take it back, as long as the request is open. */
export function UndoOffer({ batch }: { batch: BatchSummary }) {
  const me = useMe();
  const { removal, setRemoval } = useKept(batch);
  const [refused, setRefused] = useState<{ version: number; left: number; why: string } | null>(null);
  const command = useCommand<CommandResult>({
    touches: MEMBERSHIP,
    perhaps: `The accounts may be back in request ${batch.batch_id}.`,
    onDone: (result) => {
      setRemoval(null);
      setRefused(null);
      tell("Removal undone", `${plural(result.accounts, "account")} back in request ${batch.batch_id}.`);
    },
    onRefused: (problem) => {
      if (problem.count === null || !removal) return false;
      setRefused({ version: removal.version, left: problem.count, why: problem.message });
      return true;
    },
  });
  if (!removal || batch.status !== "PENDING_APPROVAL") return null;
  const now = refused?.version === removal.version ? refused : null;
  const accounts = now?.left ?? removal.accounts;
  return (
    <Alert color="gray" mb="md" icon={<IconArrowBackUp aria-hidden />} title={`${plural(removal.accounts, "account")} removed from this request`} role="status">
      {now?.why ?? "They are back in the queue. Undo puts them back with the proposals that they had."}
      <div className="alert-actions">
        {accounts > 0 && (
          <ReasonedButton
            size="compact-sm"
            barred={changeBarred(batch, me)}
            loading={command.isBusy}
            onClick={() => command.run(undoRemoval(batch, { selection: { kind: "removal", version: removal.version }, expected_count: accounts }))}
          >
            {now ? `Put back the other ${count(accounts)}` : `Undo (${count(accounts)})`}
          </ReasonedButton>
        )}
        <Button size="compact-sm" variant="default" onClick={() => setRemoval(null)}>
          Close
        </Button>
      </div>
    </Alert>
  );
}
