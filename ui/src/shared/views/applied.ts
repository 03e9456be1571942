import { useState } from "react";

import type { SavedView } from "@/shared/api/models";
import { recall, remember } from "@/shared/state/memory";

/** The view under which the list of this name was put last; like its layout it stays until sign-out or the tab closes. */
export function useApplied(name: string): [SavedView | null, (view: SavedView | null) => void] {
  const key = `view.${name}`;
  const [view, setView] = useState<unknown>(() => recall(key));
  return [
    isView(view) ? view : null,
    (next) => {
      remember(key, next);
      setView(next);
    },
  ];
}

function isView(value: unknown): value is SavedView {
  return typeof value === "object" && value !== null && "view_id" in value && "content" in value;
}
