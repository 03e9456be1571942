import { Textarea } from "@mantine/core";

import { needsNote } from "@/features/batches/commands/rules";
import type { BatchSummary } from "@/shared/api/models";
import { count } from "@/shared/format/format";

/** Longest note that the server takes. */
export const MOST_LETTERS = 500;

interface Props {
  batch: BatchSummary;
  note: string;
  onChange: (note: string) => void;
}

/** What the person who decides writes to it; it is kept in history. */
export function NoteField({ batch, note, onChange }: Props) {
  const isNeeded = needsNote(batch);
  return (
    <Textarea
      mt="sm"
      label="Note"
      description={`${isNeeded ? "Your enterprise asks for a note with every decision." : "Optional."} It is kept in history with the decision. ${count(MOST_LETTERS - note.length)} characters left.`}
      required={isNeeded}
      rows={2}
      maxLength={MOST_LETTERS}
      value={note}
      onChange={(event) => onChange(event.currentTarget.value.replace(/\s/g, " "))}
    />
  );
}
