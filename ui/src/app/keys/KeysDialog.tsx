import { Modal, Switch, Text } from "@mantine/core";
import { useState } from "react";

import { areKeysOn, KEYS, OTHER_KEYS, turnKeys, type Key } from "@/shared/keys/keys";

/** The keys there are, and the switch for those of one character. */
export function KeysDialog({ onClose }: { onClose: () => void }) {
  const [isOn, setOn] = useState(areKeysOn);
  return (
    <Modal opened onClose={onClose} title="Keys" centered size="lg">
      <KeyTable label="Keys of one character" keys={Object.values(KEYS)} />
      <Text size="sm" my="xs">
        They act wherever the focus is, but never in a field or in a dialog.
      </Text>
      <Switch
        label="Use keys of one character"
        checked={isOn}
        onChange={(event) => {
          turnKeys(event.currentTarget.checked);
          setOn(event.currentTarget.checked);
        }}
      />
      <KeyTable label="Other keys" keys={OTHER_KEYS} />
    </Modal>
  );
}

function KeyTable({ label, keys }: { label: string; keys: readonly Key[] }) {
  return (
    <table className="plain keys">
      <caption>{label}</caption>
      <tbody>
        {keys.map((key) => (
          <tr key={key.does}>
            <th scope="row">
              {key.keys.map((name, at) => (
                <span key={name}>
                  {at > 0 && " or "}
                  <kbd>{shown(name)}</kbd>
                </span>
              ))}
            </th>
            <td>{key.does}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const shown = (key: string) => key.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
