/**
 * Focus never falls to the page's body: when what has it is removed or disabled (a button that did its work, a row that left, a
 * dialog whose opener is gone), it goes to what is nearest to where it was. WCAG 2.4.3, 2.4.7.
 */
import { useEffect } from "react";

const REMEMBERED = 8;
const OVERLAY = '[role="dialog"], [role="alertdialog"], [role="menu"]';
const REACHABLE = 'a[href], button, input, select, textarea, [tabindex="0"]';

/** Keep the focus while the page is shown. */
export function useKeptFocus(): void {
  useEffect(() => keepFocus(document), []);
}

/** Watch a document until the function that is returned is called. */
export function keepFocus(page: Document): () => void {
  /** Where the focus was, the newest first: each with the elements around it, from the inside out. */
  let history: Element[][] = [];

  function onFocusIn(event: FocusEvent) {
    const around = event.composedPath().filter((target) => target instanceof Element);
    // What lies over the page leads back to what opened it, not to where it happens to stand in the document.
    const overlay = around.findIndex((element) => element.matches(OVERLAY));
    const path = overlay < 0 ? around : around.slice(0, overlay + 1);
    history = [path, ...history.filter(([element]) => element !== path[0])].slice(0, REMEMBERED);
  }

  /** Somebody who presses on the page itself wants the focus nowhere. */
  function onPointerDown(event: Event) {
    const target = event.target instanceof Element ? event.target.closest(REACHABLE + ', [tabindex="-1"]') : null;
    if (!target) history = [];
  }

  function look() {
    if (page.activeElement && page.activeElement !== page.body && !isDisabled(page.activeElement)) return;
    const last = history[0]?.[0];
    if (!last || (last.isConnected && !isDisabled(last) && page.activeElement === page.body)) return;
    const next = nearest(history, page);
    if (next) next.focus({ preventScroll: true });
  }

  const observer = new MutationObserver(look);
  observer.observe(page.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
  page.addEventListener("focusin", onFocusIn);
  page.addEventListener("pointerdown", onPointerDown, true);
  return () => {
    observer.disconnect();
    page.removeEventListener("focusin", onFocusIn);
    page.removeEventListener("pointerdown", onPointerDown, true);
  };
}

/** What can have the focus, nearest to where it was last; else to where it was before (under a dialog that has gone). */
function nearest(history: readonly Element[][], page: Document): HTMLElement | null {
  for (const path of history) {
    for (const around of path) {
      if (!around.isConnected || around === page.body || around === page.documentElement) continue;
      if (around.localName === "main") return around as HTMLElement;
      const found = canHave(around) ? around : [...around.querySelectorAll(REACHABLE)].find(canHave);
      if (found) return found as HTMLElement;
    }
  }
  return page.querySelector("main");
}

const isDisabled = (element: Element): boolean => element.matches(":disabled");

const canHave = (element: Element): boolean => element instanceof HTMLElement && element.matches(REACHABLE) && element.tabIndex >= 0 && !isDisabled(element);
