import { Modal, Text, VisuallyHidden } from "@mantine/core";
import { useId, useState, type KeyboardEvent } from "react";

import { useChoices, type Choice } from "@/app/keys/choices";
import { count, plural } from "@/shared/format/format";
import { Failure } from "@/shared/ui/Notes";

interface Props {
  onKeys: () => void;
  onClose: () => void;
}

/** Find an account, a request, a page or an action by typing; a combobox with its list always open, as ARIA describes it. */
export function Palette({ onKeys, onClose }: Props) {
  const id = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const { groups, isLooking, error } = useChoices(text, onKeys);
  const all = groups.flatMap(({ choices }) => choices);
  const active = all[Math.min(at, all.length - 1)];
  const optionId = (choice: Choice) => `${id}-${choice.id}`;

  function take(choice: Choice | undefined) {
    if (!choice || choice.isBarred) return;
    onClose();
    choice.run();
  }

  function onKeyDown(event: KeyboardEvent) {
    const last = all.length - 1;
    const now = Math.min(at, last);
    if (event.key === "ArrowDown") setAt(now >= last ? 0 : now + 1);
    else if (event.key === "ArrowUp") setAt(now <= 0 ? Math.max(last, 0) : now - 1);
    else if (event.key === "Enter") take(active);
    else return;
    event.preventDefault();
  }

  return (
    <Modal opened onClose={onClose} title="Find anything" size="lg" yOffset="8vh">
      <input
        className="palette-input"
        role="combobox"
        aria-label="Find an account, a request, a page or an action"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={active && optionId(active)}
        placeholder="Account number, name, advisor or household, request, page, action"
        data-autofocus
        autoComplete="off"
        maxLength={80}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <VisuallyHidden role="status">{isLooking ? "Looking for accounts" : `${plural(all.length, "choice")} found`}</VisuallyHidden>
      {error && <Failure error={error} />}
      <div role="listbox" id={`${id}-list`} aria-label="What was found" className="palette-list">
        {groups.map(({ name, choices }) => (
          <div key={name} role="group" aria-label={`${name}, ${count(choices.length)}`}>
            <div className="palette-group" aria-hidden="true">
              {name}
            </div>
            {choices.map((choice) => (
              <Option key={choice.id} id={optionId(choice)} choice={choice} isActive={choice === active} onTake={() => take(choice)} />
            ))}
          </div>
        ))}
      </div>
      {all.length === 0 && <Text size="sm">{isLooking ? "Looking…" : `Nothing matches "${text.trim()}".`}</Text>}
    </Modal>
  );
}

interface OptionProps {
  id: string;
  choice: Choice;
  isActive: boolean;
  onTake: () => void;
}

function Option({ id, choice, isActive, onTake }: OptionProps) {
  return (
    // The keyboard stays in the field, which says which option is active.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={isActive}
      aria-disabled={choice.isBarred}
      className="palette-option"
      ref={isActive ? (element) => element?.scrollIntoView({ block: "nearest" }) : undefined}
      onMouseDown={(event) => event.preventDefault()}
      onClick={onTake}
    >
      <span>{choice.label}</span>
      <span className="note">{choice.note}</span>
    </div>
  );
}
