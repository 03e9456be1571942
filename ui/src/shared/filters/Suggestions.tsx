import { Button, Group } from "@mantine/core";

import type { Draft } from "@/shared/filters/draft";

const MOST = 6;

interface Props {
  /** Values seen in the list. */
  of: readonly string[];
  draft: Draft;
  onChoose: (value: string) => void;
}

/** Values to choose from, in the flow of the form: they never lie over what comes after them. */
export function Suggestions({ of, draft, onChoose }: Props) {
  const typed = draft.typed.trim().toLowerCase();
  const chosen = draft.values.map((value) => value.toLowerCase());
  const found = of.filter((value) => value.toLowerCase().includes(typed) && !chosen.includes(value.toLowerCase())).slice(0, MOST);
  if (found.length === 0) return null;
  return (
    <Group gap={4} role="group" aria-label="Seen in this list">
      {found.map((value) => (
        <Button key={value} size="compact-sm" variant="default" onClick={() => onChoose(value)}>
          {value}
        </Button>
      ))}
    </Group>
  );
}
