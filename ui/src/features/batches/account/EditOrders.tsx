import { ActionIcon, Button, Group, Text, Textarea, TextInput } from "@mantine/core";

import { editTrades } from "@/features/batches/api/editTrades";
import { bodyOf, fault, isSame, stepped, type Draft, type OrderLine } from "@/features/batches/account/edited";
import { MOST_LETTERS } from "@/features/batches/commands/NoteField";
import { MEMBERSHIP } from "@/shared/api/keys";
import type { BatchSummary, CommandResult } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { quantity } from "@/shared/format/format";
import { sideNames } from "@/shared/format/names";
import { Failure, tell } from "@/shared/ui/Notes";
import { PlainTable } from "@/shared/ui/PlainTable";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  batch: BatchSummary;
  accountId: string;
  lines: readonly OrderLine[];
  draft: Draft;
  /** Null closes the form and forgets what was typed. */
  onDraft: (draft: Draft | null) => void;
  barred: string | null;
}

/** The market orders as fields. What is saved is computed again by the engine; what is refused says why, and what was typed stays. */
export function EditOrders({ batch, accountId, lines, draft, onDraft, barred }: Props) {
  const command = useCommand<CommandResult>({
    touches: MEMBERSHIP,
    isInDialog: true,
    perhaps: `Trades of this account in request ${batch.batch_id} may have been edited.`,
    onDone: () => {
      onDraft(null);
      tell("Edited trades saved", "The account is computed again: cash, lots, gains and wash sales. It can be approved when that is done.");
    },
  });
  const typed = (line: OrderLine) => draft.quantities[line.security_id] ?? line.quantity;
  const set = (line: OrderLine, text: string) => onDraft({ ...draft, quantities: { ...draft.quantities, [line.security_id]: text } });
  const missing = lines.some((line) => fault(typed(line)) !== null)
    ? "Correct the quantities that are marked."
    : lines.every((line) => isSame(typed(line), line.quantity))
      ? "Nothing is changed yet."
      : draft.note.trim() === ""
        ? "Say why: it is kept with the decision."
        : null;
  return (
    <form
      className="edit-orders"
      aria-label="Edit trades"
      onSubmit={(event) => {
        event.preventDefault();
        if ((missing ?? barred) === null) command.run(editTrades(batch, accountId, bodyOf(lines, draft)));
      }}
    >
      <PlainTable
        label="Market orders to edit"
        rows={lines}
        rowKey={({ security_id }) => security_id}
        columns={[
          { header: "Security", cell: ({ security_id }) => security_id },
          { header: "Side", cell: ({ side }) => sideNames[side] },
          { header: "Proposed", isNumber: true, cell: ({ proposed }) => quantity(proposed) },
          {
            header: "Quantity",
            cell: (line) => {
              const what = `${sideNames[line.side]} ${line.security_id}`;
              return (
                <Group gap={4} wrap="nowrap">
                  <ActionIcon variant="default" aria-label={`${what}: one unit less`} onClick={() => set(line, stepped(typed(line), -1))}>
                    −
                  </ActionIcon>
                  <TextInput size="xs" inputMode="decimal" aria-label={`${what}: quantity`} value={typed(line)} error={fault(typed(line))} onChange={(event) => set(line, event.currentTarget.value)} />
                  <ActionIcon variant="default" aria-label={`${what}: one unit more`} onClick={() => set(line, stepped(typed(line), 1))}>
                    +
                  </ActionIcon>
                  <Button variant="subtle" size="compact-xs" aria-label={`${what}: no trade`} onClick={() => set(line, "0")}>
                    No trade
                  </Button>
                  <Button variant="subtle" size="compact-xs" aria-label={`${what}: as proposed`} onClick={() => set(line, line.proposed)}>
                    As proposed
                  </Button>
                </Group>
              );
            },
          },
        ]}
      />
      <Text size="sm">A trade keeps its side. What sleeves trade inside the account stays.</Text>
      <Textarea
        label="Why"
        description="Kept in history with the proposal, the edit and your name."
        required
        rows={2}
        maxLength={MOST_LETTERS}
        value={draft.note}
        onChange={(event) => onDraft({ ...draft, note: event.currentTarget.value.replace(/\s/g, " ") })}
      />
      {command.refusal && <Failure error={command.refusal} />}
      <Group mt="sm">
        <Button variant="default" onClick={() => onDraft(null)}>
          Discard changes
        </Button>
        <ReasonedButton type="submit" barred={missing ?? barred} loading={command.isBusy} onClick={() => undefined}>
          Save and compute again
        </ReasonedButton>
      </Group>
    </form>
  );
}
