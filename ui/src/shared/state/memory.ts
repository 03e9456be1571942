/** What stays while the user moves about: filters of each list and column layouts, until sign-out or the tab closes. */
import { useCallback, useState } from "react";

const PREFIX = "rebalancer.";

/** Read a value of this browser tab; undefined when there is none that can be read. */
export function recall(name: string): unknown {
  const text = sessionStorage.getItem(PREFIX + name);
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function remember(name: string, value: unknown): void {
  sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
}

/** At sign-out. */
export function forgetAll(): void {
  const ours = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
  for (const name of ours) sessionStorage.removeItem(name);
}

const held = new Map<string, unknown>();

/** State that outlives its page but not a reload: what was selected before a look at one account. */
export function useHeld<T>(name: string, initial: T): [T, (next: T) => void] {
  const [state, setState] = useState({ name, value: (held.get(name) as T | undefined) ?? initial });
  const current = state.name === name ? state.value : ((held.get(name) as T | undefined) ?? initial);
  const keep = useCallback(
    (value: T) => {
      held.set(name, value);
      setState({ name, value });
    },
    [name],
  );
  return [current, keep];
}
