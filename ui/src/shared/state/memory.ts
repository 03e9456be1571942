/**
 * What stays while the user moves about. Filters of each list stay through sign-out and closing, layouts go with either, both
 * per user: nothing of one is shown to another on the same browser.
 */
import { useCallback, useState } from "react";

const PREFIX = "rebalancer.";
const WHO = `${PREFIX}who`;
const held = new Map<string, unknown>();
let user = "";

/** Open the memory of a signed-in user; what others left in this tab is dropped, what they have stored stays out of reach. */
export function openMemory(subject: string): void {
  if (subject === user) return;
  held.clear();
  user = subject;
  const others = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX) && !name.startsWith(prefix()));
  for (const name of others) sessionStorage.removeItem(name);
  stored(localStorage, WHO, subject);
}

/** Whether somebody was signed in since this page was loaded. */
export const isMemoryOpen = (): boolean => user !== "";

/**
 * Call back when what this page shows may be another's: somebody else signed in to this browser (true), or the browser shows a
 * page again that was left (false).
 */
export function onOtherUser(changed: (isOther: boolean) => void): () => void {
  const onStorage = (event: StorageEvent) => {
    if (event.key === WHO && user !== "" && event.newValue !== user) changed(true);
  };
  const onShow = (event: PageTransitionEvent) => {
    if (event.persisted) changed(false);
  };
  window.addEventListener("storage", onStorage);
  window.addEventListener("pageshow", onShow);
  return () => {
    window.removeEventListener("storage", onStorage);
    window.removeEventListener("pageshow", onShow);
  };
}

/** Read a layout; undefined when there is none that can be read. It lasts until sign-out or the tab closes. */
export function recall(name: string): unknown {
  return read(sessionStorage, prefix() + name);
}

export function remember(name: string, value: unknown): void {
  stored(sessionStorage, prefix() + name, JSON.stringify(value));
}

/** Read the filters of a list: those of this browser tab, else the user's last ones in any. */
export function recallFilters(name: string): unknown {
  const key = `${prefix()}filters.${name}`;
  return read(sessionStorage, key) ?? read(localStorage, key);
}

/** Keep the filters of a list, through sign-out and closing. */
export function rememberFilters(name: string, value: unknown): void {
  const key = `${prefix()}filters.${name}`;
  for (const storage of [sessionStorage, localStorage]) stored(storage, key, JSON.stringify(value));
}

/** Read a setting of this user in this browser; undefined when none was made. */
export const recallSetting = (name: string): unknown => read(localStorage, `${prefix()}setting.${name}`);

/** Keep a setting, through sign-out and closing. */
export const rememberSetting = (name: string, value: unknown): void => stored(localStorage, `${prefix()}setting.${name}`, JSON.stringify(value));

/** At sign-out: layouts and selections go, filters stay. */
export function forgetLayouts(): void {
  held.clear();
  const layouts = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX) && !name.startsWith(`${prefix()}filters.`));
  for (const name of layouts) sessionStorage.removeItem(name);
}

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

const prefix = () => `${PREFIX}${encodeURIComponent(user)}.`;

function read(storage: Storage, key: string): unknown {
  const text = storage.getItem(key);
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A browser that keeps nothing (a full or barred storage) must not stop the work. */
function stored(storage: Storage, key: string, text: string): void {
  try {
    storage.setItem(key, text);
  } catch {
    // What is not remembered is asked for again.
  }
}
