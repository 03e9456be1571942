import { Button, Group, Text } from "@mantine/core";
import { useRef, type ReactNode } from "react";

import { count } from "@/shared/format/format";
import { size, type Selection } from "@/shared/selection/selection";

interface Props {
  selection: Selection;
  /** How many the filter leaves that can be selected; null while that is being counted. */
  matching: number | null;
  onAll: () => void;
  onNone: () => void;
  children?: ReactNode;
}

/** How many are selected, "all that match" beside it, and what can be done with them. */
export function SelectionBar({ selection, matching, onAll, onNone, children }: Props) {
  const status = useRef<HTMLParagraphElement>(null);
  const selected = size(selection, matching);
  const isAll = selection.kind === "matching" && selection.except.size === 0;
  // The button that was pressed is gone: the count says what came of it.
  const andSay = (act: () => void) => () => {
    status.current?.focus();
    act();
  };
  return (
    <Group className="selection-bar" justify="space-between">
      <Group gap="xs">
        <Text ref={status} tabIndex={-1} size="sm" fw={600} role="status" aria-live="polite">
          {selection.kind === "matching" ? `${count(selected)} selected of all ${count(matching)} matching` : `${count(selected)} selected`}
        </Text>
        {matching !== null && matching > 0 && !isAll && (
          <Button size="compact-sm" variant="subtle" onClick={andSay(onAll)}>
            Select all {count(matching)} matching
          </Button>
        )}
        {selected !== 0 && (
          <Button size="compact-sm" variant="subtle" onClick={andSay(onNone)}>
            Clear selection
          </Button>
        )}
      </Group>
      <Group gap="xs">{children}</Group>
    </Group>
  );
}
