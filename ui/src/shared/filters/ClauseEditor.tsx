import { Button, Checkbox, NativeSelect, Stack, TagsInput, TextInput } from "@mantine/core";
import { useState, type SyntheticEvent } from "react";

import { editable, entered, isNumber, opNames, ops, type Clause, type Field, type Kind, type Op } from "@/shared/filters/clause";

interface Props {
  fields: readonly Field[];
  start?: Clause;
  seen?: Readonly<Record<string, readonly string[]>>;
  onDone: (clause: Clause) => void;
}

const HINTS: Readonly<Record<Kind, string>> = {
  money: "In dollars: 12,500 or 12.5k, a loss as (300)",
  percent: "In percent: 5 or 7.5%",
  count: "A whole number",
  choice: "",
  text: "Type a value and press Enter",
};

/** Field, condition, value. */
export function ClauseEditor({ fields, start, seen, onDone }: Props) {
  const [id, setId] = useState(start?.field ?? fields[0]?.id ?? "");
  const field = fields.find((candidate) => candidate.id === id);
  const [op, setOp] = useState<Op>(start?.op ?? "gte");
  const [text, setText] = useState(start && field && isNumber(field) ? editable(start.values[0] ?? "", field) : "");
  const [values, setValues] = useState<string[]>(start?.op === "in" ? [...start.values] : []);
  const [fault, setFault] = useState<string | null>(null);
  if (!field) return null;

  function finish(event: SyntheticEvent) {
    event.preventDefault();
    if (!field) return;
    if (!isNumber(field)) {
      if (values.length === 0) setFault("Choose at least one value.");
      else onDone({ field: field.id, op: "in", values });
      return;
    }
    const value = entered(text, field.kind);
    if (value === null) setFault(`This cannot be read. ${HINTS[field.kind]}.`);
    else onDone({ field: field.id, op: op === "in" ? "gte" : op, values: [value] });
  }

  return (
    <form onSubmit={finish} noValidate>
      <Stack gap="xs" w={260}>
        <NativeSelect
          label="Column"
          data={fields.map((choice) => ({ value: choice.id, label: choice.label }))}
          value={id}
          onChange={(event) => {
            setId(event.currentTarget.value);
            setValues([]);
            setFault(null);
          }}
        />
        {isNumber(field) ? (
          <>
            <NativeSelect
              label="Condition"
              data={ops(field).map((op) => ({ value: op, label: opNames[op] }))}
              value={op}
              onChange={(event) => setOp(event.currentTarget.value as Op)}
            />
            <TextInput label="Value" description={HINTS[field.kind]} value={text} error={fault} inputMode="decimal" onChange={(event) => setText(event.currentTarget.value)} />
          </>
        ) : field.choices ? (
          <Checkbox.Group label={opNames.in} value={values} onChange={setValues} error={fault}>
            <Stack gap={6} mt={6}>
              {field.choices.map(([value, label]) => (
                <Checkbox key={value} value={value} label={label} />
              ))}
            </Stack>
          </Checkbox.Group>
        ) : (
          <TagsInput
            label={opNames.in}
            description={HINTS.text}
            data={[...(seen?.[field.id] ?? [])]}
            value={values}
            onChange={setValues}
            error={fault}
            acceptValueOnBlur
            comboboxProps={{ withinPortal: false }}
          />
        )}
        <Button type="submit" size="xs">
          {start ? "Change filter" : "Apply filter"}
        </Button>
      </Stack>
    </form>
  );
}
