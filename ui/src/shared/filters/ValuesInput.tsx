import { Pill, PillsInput } from "@mantine/core";
import type { KeyboardEvent } from "react";

import type { Draft } from "@/shared/filters/draft";

interface Props {
  label: string;
  hint: string;
  fault: string | null;
  draft: Draft;
  onChange: (part: Pick<Draft, "values" | "typed">) => void;
}

/** Texts, one by one: Enter takes what is typed, Backspace in an empty box takes the last one away. */
export function ValuesInput({ label, hint, fault, draft, onChange }: Props) {
  const { values, typed } = draft;
  const without = (gone: string) => values.filter((value) => value !== gone);

  function onKeyDown(event: KeyboardEvent) {
    const text = typed.trim();
    if (event.key === "Enter" && text !== "" && !event.nativeEvent.isComposing) {
      event.preventDefault();
      onChange({ values: [...without(text), text], typed: "" });
    } else if (event.key === "Backspace" && typed === "" && values.length > 0) {
      event.preventDefault();
      onChange({ values: values.slice(0, -1), typed });
    }
  }

  return (
    <PillsInput label={label} description={hint} error={fault}>
      <Pill.Group>
        {values.map((value) => (
          <Pill
            key={value}
            size="md"
            withRemoveButton
            onRemove={() => onChange({ values: without(value), typed })}
            removeButtonProps={{ "aria-hidden": false, "aria-label": `Remove ${value}`, tabIndex: 0 }}
          >
            {value}
          </Pill>
        ))}
        <PillsInput.Field value={typed} onChange={(event) => onChange({ values, typed: event.currentTarget.value })} onKeyDown={onKeyDown} />
      </Pill.Group>
    </PillsInput>
  );
}
