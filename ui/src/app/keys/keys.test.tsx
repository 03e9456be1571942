/** The whole interface by keyboard alone: keys of one character, Ctrl K, and what they never do. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { beforeEach, describe, expect, it } from "vitest";

import { KEYS, OTHER_KEYS } from "@/shared/keys/keys";
import { openMemory } from "@/shared/state/memory";
import { LONG, openHarness, seen } from "@/test/harness";

const type = (text: string) => userEvent.keyboard(text);
const field = () => screen.findByRole("combobox", { name: /^Find an account, a request/ });
const active = async () => {
  const id = (await field()).getAttribute("aria-activedescendant");
  return id === null ? null : document.getElementById(id)?.textContent;
};
const isOpen = () => screen.queryByRole("dialog") !== null;

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  openMemory("u1");
});

describe("keys of one character", () => {
  it("review a request: move, select, remove, approve, each asked for first", LONG, async () => {
    const harness = openHarness("/pending/7");
    await seen("00A11");
    await type("j");
    expect(document.activeElement?.closest("tr")?.textContent).toContain("00A11");
    await type("jkjx");
    expect(await screen.findByText("1 selected")).toBeTruthy();
    await type("r");
    expect(await screen.findByRole("dialog", { name: "Remove 1 account from request 7?" })).toBeTruthy();
    await type("{Tab}{Enter}");
    await waitFor(() => expect(harness.asked).toContain("POST /api/v1/batches/7/removals"));
    await waitFor(() => expect(isOpen()).toBe(false));
    await type("a");
    expect(await screen.findByRole("dialog", { name: /^Approve request 7/ })).toBeTruthy();
    expect(harness.asked.filter((asked) => asked.startsWith("POST"))).toEqual(["POST /api/v1/batches/7/removals"]);
  });

  it("open an account of a request and lead on from there", LONG, async () => {
    openHarness("/pending/7");
    await seen("00A11");
    await type("jj{Enter}");
    await waitFor(() => expect(window.location.pathname).toBe("/pending/7/accounts/A12"));
    await screen.findByRole("heading", { name: /^00A12/ });
    await type("r");
    expect(await screen.findByRole("dialog", { name: "Remove 1 account from request 7?" })).toBeTruthy();
    await type("{Escape}");
    await waitFor(() => expect(isOpen()).toBe(false));
    await type("j");
    expect(await screen.findByText("This is the last account of the list.")).toBeTruthy();
  });

  it("say why they cannot act", LONG, async () => {
    openHarness("/pending/7");
    await seen("00A11");
    await type("r");
    expect(await screen.findByText("Select at least one account: X selects the row with the focus.")).toBeTruthy();
    expect(isOpen()).toBe(false);
  });

  it("are letters in a field, and nothing under a dialog or with Ctrl or Alt", LONG, async () => {
    openHarness("/pending/7");
    await seen("00A11");
    await userEvent.type(await screen.findByRole("searchbox", { name: "Search account number or name" }), "ajrx?");
    expect(isOpen()).toBe(false);
    expect(screen.getByRole<HTMLInputElement>("searchbox", { name: "Search account number or name" }).value).toBe("ajrx?");
    (document.activeElement as HTMLElement).blur();
    await type("{Alt>}a{/Alt}{Control>}a{/Control}");
    expect(isOpen()).toBe(false);
    await type("a");
    await screen.findByRole("dialog", { name: /^Approve request 7/ });
    await type("?");
    expect(screen.getAllByRole("dialog")).toHaveLength(1);
  });

  it("are shown by ?, every one, and can be turned off for good", LONG, async () => {
    const { leave } = openHarness("/pending/7");
    await seen("00A11");
    await type("?");
    const dialog = await screen.findByRole("dialog", { name: "Keys" });
    for (const { does } of [...Object.values(KEYS), ...OTHER_KEYS]) expect(within(dialog).getByText(does)).toBeTruthy();
    await userEvent.click(within(dialog).getByRole("switch", { name: "Use keys of one character" }));
    await type("{Escape}");
    await waitFor(() => expect(isOpen()).toBe(false));
    await type("?aj");
    expect(isOpen()).toBe(false);
    leave();
    openHarness("/pending/7");
    await seen("00A11");
    await type("a?");
    expect(isOpen()).toBe(false);
    await userEvent.click(screen.getByRole("button", { name: "Keys" }));
    await userEvent.click(within(await screen.findByRole("dialog", { name: "Keys" })).getByRole("switch"));
    await type("{Escape}");
    await waitFor(() => expect(isOpen()).toBe(false));
    await type("a");
    expect(await screen.findByRole("dialog", { name: /^Approve request 7/ })).toBeTruthy();
  });
});

describe("Ctrl K", () => {
  it("finds an account in any state and says where it is", LONG, async () => {
    openHarness("/accounts");
    await seen("00Q11");
    await type("{Control>}k{/Control}");
    await userEvent.type(await field(), "00h");
    await screen.findByRole("option", { name: /Held One/ });
    expect(await active()).toBe("00H1 Held OneData hold");
    await type("{Enter}");
    await waitFor(() => expect(window.location.pathname).toBe("/accounts/H1"));
    expect(isOpen()).toBe(false);
  });

  it("finds a request by its number, and a page by its name", LONG, async () => {
    openHarness("/accounts");
    await seen("00Q11");
    await type("{Control>}k{/Control}");
    await userEvent.type(await field(), "request 8");
    await screen.findByRole("option", { name: /^Request 8/ });
    await type("{Enter}");
    await waitFor(() => expect(window.location.pathname).toBe("/pending/8"));
    await type("{Control>}k{/Control}");
    await userEvent.type(await field(), "settling");
    await type("{Enter}");
    await waitFor(() => expect(window.location.pathname + window.location.search).toBe("/find?state=SETTLING"));
  });

  it("offers what the page can do, with its key, or why not", LONG, async () => {
    openHarness("/pending/7");
    await seen("00A11");
    await type("{Control>}k{/Control}");
    const barred = await screen.findByRole("option", { name: /^Remove the selected accounts/ });
    expect(barred.getAttribute("aria-disabled")).toBe("true");
    expect(barred.textContent).toContain("Select at least one account");
    await userEvent.click(barred);
    expect(screen.getByRole("dialog", { name: "Find anything" })).toBeTruthy();
    await userEvent.type(await field(), "approve request");
    expect(await active()).toBe("Approve request 7Key A");
    await type("{Enter}");
    expect(await screen.findByRole("dialog", { name: /^Approve request 7/ })).toBeTruthy();
  });

  it("moves with the arrows round the list, and Escape changes nothing", LONG, async () => {
    openHarness("/history");
    await type("{Control>}k{/Control}");
    await userEvent.type(await field(), "accounts");
    await screen.findByRole("option", { name: "Accounts to Rebalance" });
    const options = () => within(screen.getByRole("listbox", { name: "What was found" })).getAllByRole("option").map(({ textContent }) => textContent);
    const first = await active();
    expect(first).toBe(options()[0]);
    await type("{ArrowDown}");
    expect(await active()).toBe(options()[1]);
    await type("{ArrowUp}{ArrowUp}");
    expect(await active()).toBe(options().at(-1));
    await type("{ArrowDown}");
    expect(await active()).toBe(first);
    await type("{Escape}");
    await waitFor(() => expect(isOpen()).toBe(false));
    expect(window.location.pathname).toBe("/history");
  });

  it("breaks no rule of accessibility", LONG, async () => {
    openHarness("/pending/7");
    await seen("00A11");
    await type("{Control>}k{/Control}");
    await screen.findByRole("option", { name: /^Request 8/ });
    const { violations } = await axe.run(screen.getByRole("dialog"), { rules: { "color-contrast": { enabled: false } } });
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });
});
