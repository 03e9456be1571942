import { Text } from "@mantine/core";
import { useState } from "react";

import { removeAccounts } from "@/features/batches/api/removeAccounts";
import { useKept } from "@/features/batches/commands/kept";
import { MEMBERSHIP } from "@/shared/api/keys";
import type { BatchSummary, CommandResult, RemovalBody } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { count, plural } from "@/shared/format/format";
import type { SelectionBody } from "@/shared/selection/selection";
import { Confirm } from "@/shared/ui/Confirm";
import { tell } from "@/shared/ui/Notes";

interface Props {
  batch: BatchSummary;
  selection: SelectionBody;
  expected: number;
  /** What the button says, where more follows than the removal. */
  confirm?: string;
  onDone: () => void;
  onClose: () => void;
}

/** Ask before accounts leave a request. Source: product 6, "Remove selected". */
export function RemoveDialog({ batch, selection, expected, confirm, onDone, onClose }: Props) {
  const [version] = useState(batch.version);
  const { setRemoval } = useKept(batch);
  const [now, setNow] = useState(expected);
  const command = useCommand<CommandResult>({
    touches: MEMBERSHIP,
    isInDialog: true,
    perhaps: `Accounts may have been removed from request ${batch.batch_id}.`,
    onDone: (result) => {
      onClose();
      onDone();
      setRemoval(result.batch.status === "PENDING_APPROVAL" ? { version: result.batch.version, accounts: result.accounts } : null);
      const isOver = result.batch.status === "CANCELLED";
      tell(
        `${plural(result.accounts, "account")} removed`,
        isOver ? "No account was left, so the request is cancelled." : `${count(result.batch.counts.proposed)} remain in request ${batch.batch_id}.`,
      );
    },
    onRefused: (problem) => {
      if (problem.count !== null) {
        setNow(problem.count);
        return true;
      }
      if (problem.outdated) onClose();
      return false;
    },
  });
  const accounts = plural(now, "account");
  const isAll = now >= batch.counts.proposed;
  return (
    <Confirm
      title={`Remove ${accounts} from request ${batch.batch_id}?`}
      confirm={confirm ?? `Remove ${count(now)}`}
      safe={now === 1 ? "Keep it" : "Keep them"}
      isDanger
      isBusy={command.isBusy}
      refusal={command.refusal}
      isBarred={now === 0}
      onClose={onClose}
      onConfirm={() => {
        const content: RemovalBody = { selection, expected_count: now };
        command.run(removeAccounts(batch.batch_id, version, content));
      }}
    >
      {now !== expected && (
        <Text mb="sm" role="alert" fw={600}>
          You saw {plural(expected, "account")}; now {plural(now, "account matches", "accounts match")}. Nothing has been removed yet.
        </Text>
      )}
      <Text>
        {now === 1 ? "The account will not be rebalanced and goes" : "The accounts will not be rebalanced and go"} back to the Rebalancer queue. As long as the request is open and nothing
        about {now === 1 ? "it" : "them"} has changed, the removal can be undone.
      </Text>
      {isAll && <Text mt="sm">No account would remain: the request would be cancelled.</Text>}
    </Confirm>
  );
}
