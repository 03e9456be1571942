import { Button, Checkbox, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useState, type SyntheticEvent } from "react";

import { dayOpNames, isNumber, opNames, ops, type Clause, type Field, type Op } from "@/shared/filters/clause";
import { HINTS, read, type Draft } from "@/shared/filters/draft";
import { Suggestions } from "@/shared/filters/Suggestions";
import { ValuesInput } from "@/shared/filters/ValuesInput";

interface Props {
  fields: readonly Field[];
  draft: Draft;
  /** A filter in force is changed, not a new one made. */
  isChange?: boolean;
  seen?: Readonly<Record<string, readonly string[]>>;
  onDraft: (change: (draft: Draft) => Draft) => void;
  onDone: (clause: Clause) => void;
}

/** Field, condition, value. What stands in it is the caller's, and stays when the editor is closed. */
export function ClauseEditor({ fields, draft, isChange = false, seen, onDraft, onDone }: Props) {
  const field = fields.find((candidate) => candidate.id === draft.field);
  const [fault, setFault] = useState<string | null>(null);
  if (!field) return null;
  const change = (part: Partial<Draft>) => onDraft((before) => ({ ...before, ...part }));

  function finish(event: SyntheticEvent) {
    event.preventDefault();
    if (!field) return;
    const clause = read(draft, field);
    if (typeof clause === "string") setFault(clause);
    else onDone(clause);
  }

  return (
    <form onSubmit={finish} noValidate>
      <Stack gap="xs" w={260}>
        <NativeSelect
          label="Column"
          data={fields.map((choice) => ({ value: choice.id, label: choice.label }))}
          value={field.id}
          onChange={(event) => {
            change({ field: event.currentTarget.value, values: [], typed: "" });
            setFault(null);
          }}
        />
        {isNumber(field) || field.kind === "day" ? (
          <>
            <NativeSelect
              label="Condition"
              data={ops(field).map((op) => ({ value: op, label: (field.kind === "day" ? dayOpNames : opNames)[op] }))}
              value={draft.op}
              onChange={(event) => change({ op: event.currentTarget.value as Op })}
            />
            <TextInput
              label="Value"
              type={field.kind === "day" ? "date" : "text"}
              description={HINTS[field.kind]}
              value={draft.text}
              error={fault}
              inputMode={field.kind === "day" ? undefined : "decimal"}
              onChange={(event) => change({ text: event.currentTarget.value })}
            />
          </>
        ) : field.choices ? (
          <Checkbox.Group label={opNames.in} value={[...draft.values]} onChange={(values) => change({ values })} error={fault}>
            <Stack gap={6} mt={6}>
              {field.choices.map(([value, label]) => (
                <Checkbox key={value} value={value} label={label} />
              ))}
            </Stack>
          </Checkbox.Group>
        ) : (
          <>
            <ValuesInput label={opNames.in} hint={HINTS.text} fault={fault} draft={draft} onChange={change} />
            <Suggestions of={seen?.[field.id] ?? []} draft={draft} onChoose={(value) => change({ values: [...draft.values, value], typed: "" })} />
          </>
        )}
        <Button type="submit" size="xs">
          {isChange ? "Change filter" : "Apply filter"}
        </Button>
      </Stack>
    </form>
  );
}
