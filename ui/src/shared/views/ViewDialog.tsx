import { Checkbox, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useState } from "react";

import { keys } from "@/shared/api/keys";
import type { SavedView } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { useMe } from "@/shared/session/session";
import { Confirm } from "@/shared/ui/Confirm";
import { changeView, saveView } from "@/shared/views/api";
import { contentOf, type Shown } from "@/shared/views/view";

interface Props {
  list: SavedView["list"];
  /** What the list shows now, for a new view. */
  shown: Shown;
  /** The view that gets another name or is shared; absent: a new one is saved. */
  view?: SavedView;
  onDone: (view: SavedView) => void;
  onClose: () => void;
}

const ONLY_ME = "";
const MOST_LETTERS = 60;

/** Name of a view and who sees it. It stays open, with all that was entered, when the server refuses. */
export function ViewDialog({ list, shown, view, onDone, onClose }: Props) {
  const me = useMe();
  const [name, setName] = useState(view?.name ?? "");
  const [sharedWith, setSharedWith] = useState(view?.shared_with ?? ONLY_ME);
  const [hasLayout, setHasLayout] = useState(shown.layout !== null);
  const command = useCommand<SavedView>({
    touches: [keys.views],
    perhaps: `The view “${name}” may have been saved.`,
    isInDialog: true,
    onDone: (saved) => {
      onClose();
      onDone(saved);
    },
  });
  const isNamed = name.trim() !== "";
  function run() {
    const entered = { name: name.trim(), shared_with: sharedWith === ONLY_ME ? null : sharedWith };
    if (!isNamed) return;
    command.run(view ? changeView(view, entered) : saveView({ list, ...entered, content: contentOf(shown, hasLayout) }));
  }
  // Only its owner takes a shared view back for himself: an administrator would lose sight of it.
  const seers = [...(view && !view.is_mine ? [] : [{ value: ONLY_ME, label: "Only me" }]), ...me.enterprises.map((id) => ({ value: id, label: `Everybody of ${id}` }))];
  return (
    <Confirm
      title={view ? `Rename or share “${view.name}”` : "Save as a new view"}
      confirm={view ? "Save changes" : "Save view"}
      isBusy={command.isBusy}
      isBarred={!isNamed}
      refusal={command.refusal}
      onConfirm={run}
      onClose={onClose}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
      >
        <Stack gap="sm">
          <TextInput data-autofocus required label="Name" maxLength={MOST_LETTERS} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <NativeSelect
            label="Who sees it"
            description={sharedWith === ONLY_ME ? undefined : "They see its filters too, with names and numbers of accounts that stand in them. What it lists stays what each of them may see."}
            data={seers}
            value={sharedWith}
            onChange={(event) => setSharedWith(event.currentTarget.value)}
          />
          {!view && shown.layout && (
            <Checkbox label="With the columns as they are now" checked={hasLayout} onChange={(event) => setHasLayout(event.currentTarget.checked)} />
          )}
        </Stack>
      </form>
    </Confirm>
  );
}
