/** What a decision's forms keep while the page lives, so that closing one loses nothing: notes as typed, and what can be undone. */
import { useSyncExternalStore } from "react";

import type { BatchSummary } from "@/shared/api/models";
import { useMe } from "@/shared/session/session";

/** A removal that can be undone: the version that it made, and how many accounts it took out. */
export interface Removal {
  version: number;
  accounts: number;
}

interface Kept {
  note: string;
  removal: Removal | null;
}

const NOTHING: Kept = { note: "", removal: null };
const kept = new Map<string, Kept>();
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** What this user has typed or done on a request, and how to change it. */
export function useKept({ batch_id }: Pick<BatchSummary, "batch_id">) {
  const { subject } = useMe();
  const name = `${subject} ${batch_id}`;
  const { note, removal } = useSyncExternalStore(subscribe, () => kept.get(name) ?? NOTHING);
  const set = (part: Partial<Kept>) => {
    kept.set(name, { ...(kept.get(name) ?? NOTHING), ...part });
    for (const listener of listeners) listener();
  };
  return { note, removal, setNote: (next: string) => set({ note: next }), setRemoval: (next: Removal | null) => set({ removal: next }) };
}
