/** What the page that is shown offers to do: by a key, and in the list of Ctrl K. */
import { useEffect } from "react";

import type { KeyName } from "@/shared/keys/keys";

export interface PageAction {
  label: string;
  /** The key that does it; null: it has none. */
  by: KeyName | null;
  /** Why it cannot be done now; null when it can. */
  barred: string | null;
  run: () => void;
}

const offered = new Map<string, PageAction>();

/** Offer an action as long as the caller is shown; null: not now. */
export function usePageAction(action: PageAction | null): void {
  useEffect(() => {
    if (!action) return;
    offered.set(action.label, action);
    return () => {
      if (offered.get(action.label) === action) offered.delete(action.label);
    };
  });
}

export const pageActions = (): readonly PageAction[] => [...offered.values()];
