import { Button, CloseButton, Group, Popover, Text, TextInput } from "@mantine/core";
import { IconFilterPlus, IconSearch } from "@tabler/icons-react";
import { useState } from "react";

import { ClauseEditor } from "@/shared/filters/ClauseEditor";
import { contradiction, describe, parse, write, type Clause, type Field } from "@/shared/filters/clause";

interface Props {
  fields: readonly Field[];
  /** Clauses in force, as they stand in the address. */
  clauses: readonly string[];
  q: string;
  searchLabel: string;
  /** Values seen in the list, offered for text fields. */
  seen?: Readonly<Record<string, readonly string[]>>;
  onChange: (clauses: string[]) => void;
  onSearch: (q: string) => void;
  onClear: () => void;
}

/** Search and filter chips; all are ANDed, several on one number field make a range. */
export function FilterBar({ fields, clauses, q, searchLabel, seen, onChange, onSearch, onClear }: Props) {
  const parsed = clauses.map((text) => parse(text, fields)).filter((clause) => clause !== null);
  const conflict = contradiction(parsed, fields);
  return (
    <Group className="filter-bar" gap="xs" role="search" aria-label="Filters">
      <SearchBox key={q} q={q} label={searchLabel} onSearch={onSearch} />
      {parsed.map((clause, index) => {
        const field = fields.find((candidate) => candidate.id === clause.field);
        if (!field) return null;
        const others = clauses.filter((text) => text !== write(clause));
        return (
          <Chip
            key={write(clause)}
            text={describe(clause, field)}
            onRemove={() => onChange(others)}
            editor={(close) => (
              <ClauseEditor
                fields={fields}
                start={clause}
                seen={seen}
                onDone={(next) => {
                  onChange(clauses.map((text, at) => (at === index ? write(next) : text)));
                  close();
                }}
              />
            )}
          />
        );
      })}
      <AddFilter fields={fields} seen={seen} onAdd={(clause) => onChange([...new Set([...clauses, write(clause)])])} />
      {(clauses.length > 0 || q !== "") && (
        <Button size="compact-sm" variant="subtle" onClick={onClear}>
          Clear all
        </Button>
      )}
      {conflict && (
        <Text size="sm" role="alert" className="conflict">
          {conflict}
        </Text>
      )}
    </Group>
  );
}

function SearchBox({ q, label, onSearch }: { q: string; label: string; onSearch: (q: string) => void }) {
  const [text, setText] = useState(q);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(text.trim());
      }}
    >
      <TextInput
        type="search"
        size="xs"
        w={260}
        aria-label={label}
        placeholder={label}
        leftSection={<IconSearch size={14} aria-hidden />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => {
          if (text.trim() !== q) onSearch(text.trim());
        }}
      />
    </form>
  );
}

interface ChipProps {
  text: string;
  onRemove: () => void;
  editor: (close: () => void) => React.ReactNode;
}

function Chip({ text, onRemove, editor }: ChipProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <span className="chip">
      <Popover opened={isOpen} onChange={setOpen} trapFocus withArrow shadow="md">
        <Popover.Target>
          <button type="button" className="chip-text" onClick={() => setOpen(!isOpen)}>
            {text}
          </button>
        </Popover.Target>
        <Popover.Dropdown aria-label="Edit filter">{isOpen && editor(() => setOpen(false))}</Popover.Dropdown>
      </Popover>
      <CloseButton size={24} iconSize={14} aria-label={`Remove filter ${text}`} onClick={onRemove} />
    </span>
  );
}

function AddFilter({ fields, seen, onAdd }: { fields: readonly Field[]; seen: Props["seen"]; onAdd: (clause: Clause) => void }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Popover opened={isOpen} onChange={setOpen} trapFocus withArrow shadow="md">
      <Popover.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconFilterPlus size={14} aria-hidden />} onClick={() => setOpen(!isOpen)}>
          Add filter
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Add filter">
        {isOpen && (
          <ClauseEditor
            fields={fields}
            seen={seen}
            onDone={(clause) => {
              onAdd(clause);
              setOpen(false);
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
