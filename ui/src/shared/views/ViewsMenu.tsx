import { Button, Menu } from "@mantine/core";
import { IconBookmark, IconCheck } from "@tabler/icons-react";
import { useRef, useState } from "react";

import { keys } from "@/shared/api/keys";
import type { SavedView } from "@/shared/api/models";
import { explain } from "@/shared/api/problem";
import { useCommand } from "@/shared/api/useCommand";
import type { Layout } from "@/shared/grid/columns";
import type { List } from "@/shared/state/useList";
import { Confirm } from "@/shared/ui/Confirm";
import { tell } from "@/shared/ui/Notes";
import { changeView, deleteView, useViews } from "@/shared/views/api";
import { useApplied } from "@/shared/views/applied";
import { contentOf, differs, under, type Known } from "@/shared/views/view";
import { ViewDialog } from "@/shared/views/ViewDialog";

interface Props {
  of: SavedView["list"];
  /** The name under which the page keeps its filters and layout. */
  name: string;
  list: List;
  known: Known;
  layout?: Layout;
  onLayout?: (layout: Layout) => void;
}

/** Saved views of a list: put it under one, save what it shows, share, rename, delete. Says when it shows something else by now. */
export function ViewsMenu({ of, name, list, known, layout, onLayout }: Props) {
  const [isOpen, setOpen] = useState(false);
  const [dialog, setDialog] = useState<"new" | "edit" | "delete" | null>(null);
  const [applied, setApplied] = useApplied(name);
  const button = useRef<HTMLButtonElement>(null);
  const views = useViews(of, isOpen);
  const shown = { search: list.search, layout: layout ?? null };
  const isChanged = applied !== null && differs(shown, applied, known);
  const save = useCommand<SavedView>({
    touches: [keys.views],
    perhaps: `The view “${applied?.name ?? ""}” may have been saved.`,
    onDone: (view) => done(view, "View saved"),
  });

  function done(view: SavedView, what: string) {
    setApplied(view);
    tell(what, view.shared_with === null ? `“${view.name}” is among your views.` : `“${view.name}” is among the views of everybody of ${view.shared_with}.`);
  }

  function apply(view: SavedView) {
    const next = under(view.content, known);
    list.change({ ...next.search, page: undefined, size: list.search.size }, true);
    if (next.layout) onLayout?.(next.layout);
    setApplied(view);
    if (next.leftOut) tell(`View “${view.name}”`, next.leftOut);
  }

  const close = () => {
    setDialog(null);
    button.current?.focus();
  };
  const item = (view: SavedView) => (
    <Menu.Item key={view.view_id} aria-current={view.view_id === applied?.view_id} leftSection={view.view_id === applied?.view_id ? <IconCheck size={14} aria-hidden /> : <span className="no-mark" />} onClick={() => apply(view)}>
      {view.is_mine ? view.name : `${view.name}, by ${view.owner}`}
    </Menu.Item>
  );
  const rows = views.data?.rows ?? [];
  const own = rows.filter(({ shared_with }) => shared_with === null);
  const shared = rows.filter(({ shared_with }) => shared_with !== null);
  return (
    <>
      <Menu opened={isOpen} onChange={setOpen} withInitialFocusPlaceholder={false} menuItemTabIndex={0} position="bottom-start" shadow="md" width={280}>
        <Menu.Target>
          <Button ref={button} size="compact-sm" variant="default" leftSection={<IconBookmark size={14} aria-hidden />}>
            {applied ? `View: ${applied.name}${isChanged ? " (changed)" : ""}` : "Views"}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {views.isPending && <Menu.Item disabled>Loading views</Menu.Item>}
          {views.error && <Menu.Item onClick={() => void views.refetch()} closeMenuOnClick={false}>{explain(views.error).title}. Try again</Menu.Item>}
          {views.data && rows.length === 0 && <Menu.Item disabled>No view is saved yet</Menu.Item>}
          {own.length > 0 && <Menu.Label>Yours</Menu.Label>}
          {own.map(item)}
          {shared.length > 0 && <Menu.Label>Shared</Menu.Label>}
          {shared.map(item)}
          <Menu.Divider />
          {applied?.may_change && isChanged && <Menu.Item onClick={() => save.run(changeView(applied, { content: contentOf(shown, applied.content.layout !== null) }))}>Save “{applied.name}” as it is now</Menu.Item>}
          <Menu.Item onClick={() => setDialog("new")}>Save as a new view</Menu.Item>
          {applied?.may_change && <Menu.Item onClick={() => setDialog("edit")}>Rename or share “{applied.name}”</Menu.Item>}
          {applied?.may_change && <Menu.Item onClick={() => setDialog("delete")}>Delete “{applied.name}”</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      {dialog === "new" && <ViewDialog list={of} shown={shown} onDone={(view) => done(view, "View saved")} onClose={close} />}
      {dialog === "edit" && applied && <ViewDialog list={of} shown={shown} view={applied} onDone={(view) => done(view, "View changed")} onClose={close} />}
      {dialog === "delete" && applied && <DeleteDialog view={applied} onDone={() => setApplied(null)} onClose={close} />}
    </>
  );
}

function DeleteDialog({ view, onDone, onClose }: { view: SavedView; onDone: () => void; onClose: () => void }) {
  const command = useCommand<null>({
    touches: [keys.views],
    perhaps: `The view “${view.name}” may have been deleted.`,
    isInDialog: true,
    onDone: () => {
      onClose();
      onDone();
      tell("View deleted", `“${view.name}” is gone. The list stays as it is.`);
    },
  });
  return (
    <Confirm title={`Delete “${view.name}”?`} confirm="Delete view" isDanger isBusy={command.isBusy} refusal={command.refusal} onConfirm={() => command.run(deleteView(view))} onClose={onClose}>
      {view.shared_with === null ? "It cannot be brought back. The list stays as it is." : `Nobody of ${view.shared_with} can use it then, and it cannot be brought back. The list stays as it is.`}
    </Confirm>
  );
}
