/** The keys of the interface: what handlers act on and the help shows. */
import { recallSetting, rememberSetting } from "@/shared/state/memory";

export interface Key {
  /** As `KeyboardEvent.key` says it, in lower case. */
  keys: readonly string[];
  does: string;
}

/** Single characters: WCAG 2.1.4 asks that they can be turned off. */
export const KEYS = {
  next: { keys: ["j", "]"], does: "Go to the next row; on an account of a request, to the next account" },
  previous: { keys: ["k", "["], does: "Go to the previous row, or the previous account" },
  select: { keys: ["x"], does: "Select the row, or clear it" },
  remove: { keys: ["r"], does: "Remove the selected accounts, or this account, from the request; asks first" },
  approve: { keys: ["a"], does: "Approve the request; asks first; on an account of it, go to the request" },
  help: { keys: ["?"], does: "Show these keys" },
} as const satisfies Record<string, Key>;

export type KeyName = keyof typeof KEYS;

/** Keys that are no single characters; they always act. */
export const OTHER_KEYS: readonly Key[] = [
  { keys: ["ctrl k"], does: "Find an account, a request, a page or an action" },
  { keys: ["enter"], does: "Open the row, or sort by the column" },
  { keys: ["space"], does: "Select the row; with Shift, all rows from the last one" },
  { keys: ["arrow keys", "page up", "page down", "home", "end"], does: "Move in the table" },
  { keys: ["escape"], does: "Close what is open, and change nothing" },
];

const NAMES = Object.entries(KEYS) as [KeyName, Key][];
const SETTING = "single keys";

export const areKeysOn = (): boolean => recallSetting(SETTING) !== false;
export const turnKeys = (on: boolean): void => rememberSetting(SETTING, on);

/** What a press means where single keys may act; null where they may not, or it means nothing. */
export function keyName(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "target">): KeyName | null {
  if (event.ctrlKey || event.metaKey || event.altKey || isField(event.target) || !areKeysOn()) return null;
  const key = event.key.toLowerCase();
  return NAMES.find(([, { keys }]) => keys.includes(key))?.[0] ?? null;
}

/** Whether a press there is typing or choosing. */
function isField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches('textarea, select, [role="combobox"], [role="textbox"], [role="searchbox"]')) return true;
  return target.matches('input:not([type="checkbox"])');
}
