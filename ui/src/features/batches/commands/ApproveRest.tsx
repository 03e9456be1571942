import { Text } from "@mantine/core";
import { useState } from "react";

import { approveRest } from "@/features/batches/api/approveRest";
import { sentences } from "@/features/batches/commands/ApprovalNote";
import { useKept } from "@/features/batches/commands/kept";
import { NoteField } from "@/features/batches/commands/NoteField";
import { needsNote, restBarred } from "@/features/batches/commands/rules";
import { MEMBERSHIP } from "@/shared/api/keys";
import type { BatchSummary, CommandResult } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { count, day, plural } from "@/shared/format/format";
import type { SelectionBody } from "@/shared/selection/selection";
import { useMe } from "@/shared/session/session";
import { Confirm } from "@/shared/ui/Confirm";
import { tell } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  batch: BatchSummary;
  /** What is removed. */
  selection: SelectionBody;
  expected: number;
  onDone: () => void;
}

/** "Remove these and approve the rest", in one step that is confirmed. */
export function ApproveRest({ batch, selection, expected, onDone }: Props) {
  const me = useMe();
  // The request as it was when the dialog opened: what the user decides on is what was displayed.
  const [asked, setAsked] = useState<BatchSummary | null>(null);
  const rest = batch.counts.proposed - expected;
  return (
    <>
      <ReasonedButton size="xs" variant="outline" barred={restBarred(batch, me, rest)} onClick={() => setAsked(batch)}>
        Remove {count(expected)} and approve the rest ({count(Math.max(0, rest))})
      </ReasonedButton>
      {asked && <RestDialog batch={asked} newest={batch.version} selection={selection} expected={expected} onDone={onDone} onClose={() => setAsked(null)} />}
    </>
  );
}

function RestDialog({ batch, newest, selection, expected, onDone, onClose }: Props & { newest: number; onClose: () => void }) {
  const { note, setNote } = useKept(batch);
  const [now, setNow] = useState(expected);
  const rest = batch.counts.proposed - now;
  const command = useCommand<CommandResult>({
    touches: MEMBERSHIP,
    isInDialog: true,
    perhaps: `Accounts may have been removed from request ${batch.batch_id}, and the rest approved: both or neither.`,
    onDone: (result) => {
      setNote("");
      onClose();
      onDone();
      const removed = `${plural(now, "account")} removed.`;
      if (result.batch.status === "APPROVED") tell(`Request ${batch.batch_id} approved`, `${removed} Orders for ${plural(result.accounts, "account")} are on their way.`);
      else tell("First approval kept", `${removed} A second person must approve request ${batch.batch_id} before orders go out.`);
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
  const hasChanged = newest !== batch.version;
  return (
    <Confirm
      title={`Remove ${plural(now, "account")} from request ${batch.batch_id} and approve the other ${count(rest)}?`}
      confirm={`Remove ${count(now)}, approve ${count(rest)}`}
      safe="Not yet"
      isBusy={command.isBusy}
      refusal={command.refusal}
      isBarred={hasChanged || now === 0 || rest < 1 || (needsNote(batch) && note.trim() === "")}
      onClose={onClose}
      onConfirm={() => command.run(approveRest(batch, { selection, expected_count: now, note }))}
    >
      {now !== expected && (
        <Text mb="sm" role="alert" fw={600}>
          You saw {plural(expected, "account")}; now {plural(now, "account matches", "accounts match")}. Nothing has been removed or approved yet.
        </Text>
      )}
      <Text>
        What you selected goes back to the queue and is not traded. Orders go to market and sleeve transfers are made for every other account, whether your filter shows it or not
        {batch.session ? `, traded on ${day(batch.session)}` : ""}. Either both are done or neither is, and the approval cannot be taken back.
      </Text>
      {sentences(batch).map((sentence) => (
        <Text key={sentence} mt="sm">
          {sentence}
        </Text>
      ))}
      <NoteField batch={batch} note={note} onChange={setNote} />
      {hasChanged && (
        <Text mt="sm" role="alert" fw={600}>
          The request has changed since you opened this. Go back and look at it again.
        </Text>
      )}
    </Confirm>
  );
}
