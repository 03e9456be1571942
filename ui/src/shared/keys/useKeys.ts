import { useEffect } from "react";

import { pageActions } from "@/shared/keys/actions";
import { keyName, type KeyName } from "@/shared/keys/keys";
import { tell } from "@/shared/ui/Notes";

const OVERLAY = '[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]';

interface Handlers {
  find: () => void;
  help: () => void;
}

/** Acts on keys wherever the focus is, but in fields and under dialogs; a table acts on its own first. */
export function useKeys({ find, help }: Handlers): void {
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if (event.defaultPrevented) return;
      const isFind = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
      const name = isFind ? null : keyName(event);
      if (!isFind && name === null) return;
      if (isFind) event.preventDefault();
      if (document.querySelector(OVERLAY)) return;
      if (isFind) find();
      else if (name === "help") help();
      else act(name, event);
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  });
}

function act(name: KeyName | null, event: KeyboardEvent) {
  const action = pageActions().find(({ by }) => by === name);
  if (action) {
    event.preventDefault();
    if (action.barred === null) action.run();
    else tell(`Not now: ${action.label}`, action.barred);
  } else if (name === "next" || name === "previous") enterTable();
}

/** Go to where the focus was last in the table of the page; from there on the table itself moves it. */
function enterTable() {
  document.querySelector<HTMLElement>('main .grid tbody [data-cell][tabindex="0"], main .grid tbody [data-cell]')?.focus();
}
