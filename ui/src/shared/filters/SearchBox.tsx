import { TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";

interface Props {
  q: string;
  label: string;
  onSearch: (q: string) => void;
}

/** Text to look for; it follows the address (a cleared filter, a step back) and keeps the focus while it does. */
export function SearchBox({ q, label, onSearch }: Props) {
  const [entered, setEntered] = useState({ text: q, for: q });
  const text = entered.for === q ? entered.text : q;
  const search = () => {
    if (text.trim() !== q) onSearch(text.trim());
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        search();
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
        onChange={(event) => setEntered({ text: event.currentTarget.value, for: q })}
        onBlur={search}
      />
    </form>
  );
}
