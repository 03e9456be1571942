import { Button, CloseButton, Group, Popover, Text } from "@mantine/core";
import { IconFilterPlus } from "@tabler/icons-react";
import { useRef, useState, type ReactNode } from "react";

import { ClauseEditor } from "@/shared/filters/ClauseEditor";
import { contradiction, describe, parse, write, type Clause, type Field } from "@/shared/filters/clause";
import { draftOf, isSameClause, type Draft } from "@/shared/filters/draft";
import { SearchBox } from "@/shared/filters/SearchBox";
import { plural } from "@/shared/format/format";

interface Props {
  fields: readonly Field[];
  /** Clauses in force, as they stand in the address. */
  clauses: readonly string[];
  q: string;
  searchLabel: string;
  /** Values seen in the list, offered for text fields. */
  seen?: Readonly<Record<string, readonly string[]>>;
  /** Rows that the filters hide of so many; filters stay from one request to the next, where nobody remembers them. */
  hides?: { hidden: number; of: number };
  /** The saved views of the list. */
  views?: ReactNode;
  onChange: (clauses: string[]) => void;
  onSearch: (q: string) => void;
  onClear: () => void;
}

/** Search and filter chips; all are ANDed, several on one number field make a range. */
export function FilterBar({ fields, clauses, q, searchLabel, seen, hides, views, onChange, onSearch, onClear }: Props) {
  const parsed = clauses.map((text) => parse(text, fields)).filter((clause) => clause !== null);
  const conflict = contradiction(parsed, fields);
  const add = useRef<HTMLButtonElement>(null);
  const editor = { fields, seen };
  const isFiltered = clauses.length > 0 || q !== "";
  return (
    <Group className="filter-bar" gap="xs" role="search" aria-label="Filters">
      <SearchBox q={q} label={searchLabel} onSearch={onSearch} />
      {parsed.map((clause, index) => {
        const field = fields.find((candidate) => candidate.id === clause.field);
        if (!field) return null;
        const text = describe(clause, field);
        return (
          <span className="chip" key={index}>
            <Editor
              {...editor}
              label="Edit filter"
              clause={clause}
              button={(open) => (
                <button type="button" className="chip-text" onClick={open}>
                  {text}
                </button>
              )}
              onDone={(next) => onChange(clauses.map((old, at) => (at === index ? write(next) : old)))}
            />
            <CloseButton
              size={24}
              iconSize={14}
              aria-label={`Remove filter ${text}`}
              onClick={() => {
                add.current?.focus();
                onChange(clauses.filter((old) => old !== write(clause)));
              }}
            />
          </span>
        );
      })}
      <Editor
        {...editor}
        label="Add filter"
        button={(open) => (
          <Button ref={add} size="compact-sm" variant="default" leftSection={<IconFilterPlus size={14} aria-hidden />} onClick={open}>
            Add filter
          </Button>
        )}
        onDone={(clause) => onChange([...new Set([...clauses, write(clause)])])}
      />
      {isFiltered && (
        <Button
          size="compact-sm"
          variant="subtle"
          onClick={() => {
            add.current?.focus();
            onClear();
          }}
        >
          Clear all
        </Button>
      )}
      {views}
      {isFiltered && hides && hides.hidden > 0 && (
        <Text size="sm" role="status" className="hides">
          These filters hide {plural(hides.hidden, "account")} of {plural(hides.of, "account")}. “Clear all” shows them again.
        </Text>
      )}
      {conflict && (
        <Text size="sm" role="alert" className="conflict">
          {conflict}
        </Text>
      )}
    </Group>
  );
}

interface EditorProps {
  fields: readonly Field[];
  seen: Props["seen"];
  label: string;
  /** The filter that is edited; absent where one is added. */
  clause?: Clause;
  button: (open: () => void) => ReactNode;
  onDone: (clause: Clause) => void;
}

/** A button with the editor over it. Escape closes the editor alone: what was typed is there when it is opened again. */
function Editor({ fields, seen, label, clause, button, onDone }: EditorProps) {
  const [isOpen, setOpen] = useState(false);
  const [kept, setKept] = useState<{ draft: Draft; of?: Clause } | null>(null);
  const current = (before: typeof kept) => (before && isSameClause(before.of, clause) ? before.draft : draftOf(fields, clause));
  return (
    <Popover opened={isOpen} onChange={setOpen} trapFocus returnFocus withArrow shadow="md">
      <Popover.Target>{button(() => setOpen(!isOpen))}</Popover.Target>
      <Popover.Dropdown aria-label={label}>
        {isOpen && (
          <ClauseEditor
            fields={fields}
            draft={current(kept)}
            isChange={clause !== undefined}
            seen={seen}
            onDraft={(change) => setKept((before) => ({ draft: change(current(before)), of: clause }))}
            onDone={(next) => {
              setKept(null);
              setOpen(false);
              onDone(next);
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
