/** The column layout of each of the three tables stays, and goes, as the guide lists it. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";

import { openMemory } from "@/shared/state/memory";
import { done, go, LONG, openHarness, press, removeAccount, seen, type Harness } from "@/test/harness";
import { ME } from "@/test/render";

interface Table {
  address: string;
  /** A row of its first page. */
  first: string;
  hide: string;
  /** A column, and the one that it is moved before. */
  move: readonly [string, string];
}
const QUEUE: Table = { address: "/accounts", first: "00Q11", hide: "Max drift", move: ["Last rebalanced", "Needed since"] };
const PENDING: Table = { address: "/pending/7", first: "00A11", hide: "Taxable", move: ["Sells", "Buys"] };
const COMPLETED: Table = { ...PENDING, address: "/history/5" };

const headers = () => within(screen.getByRole("grid")).getAllByRole("columnheader").map(({ textContent }) => textContent.trim());
const position = (name: string) => headers().findIndex((header) => header.startsWith(name));

/** Hide one column and move another by the gear; the layout that comes of it is what has to stay. */
async function arrange({ address, first, hide, move: [moved, before] }: Table): Promise<{ harness: Harness; stays: () => Promise<void>; isGone: () => Promise<void> }> {
  const harness = openHarness(address);
  await seen(first);
  const initial = headers();
  await press("button", "Columns");
  await userEvent.click(await screen.findByRole("checkbox", { name: hide }));
  await press("button", `Move ${moved} up`);
  await userEvent.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  const arranged = headers();
  expect(position(hide)).toBe(-1);
  expect(position(moved)).toBe(position(before) - 1);
  expect(arranged).toHaveLength(initial.length - 1);
  return {
    harness,
    stays: () => waitFor(() => expect(headers()).toEqual(arranged)),
    isGone: () => waitFor(() => expect(headers()).toEqual(initial)),
  };
}

/** Go where the layout is not, and see that page. */
async function leaveFor(tab: "Files" | "History") {
  await go(tab);
  await screen.findByRole("heading", { name: new RegExp(`^${tab}`), level: 1 });
  expect(screen.queryByRole("grid")).toBeNull();
}

async function closeAndReturn({ harness, isGone }: Awaited<ReturnType<typeof arrange>>, { address, first }: Table) {
  harness.close();
  openHarness(address);
  await seen(first);
  await isGone();
}

/** Sign out: the page that this leads to is another one, and so is what the user opens after it. */
async function signOutAndReturn({ harness, isGone }: Awaited<ReturnType<typeof arrange>>, { address, first }: Table) {
  await press("button", "Sign out");
  await waitFor(() => expect(window.location.hash).toBe("#signed-out"));
  harness.leave();
  openHarness(address);
  await seen(first);
  await isGone();
}

beforeEach(() => openMemory(ME.subject));

describe("the layout of Accounts to Rebalance stays", LONG, () => {
  it("when the user goes to another section with the page open", async () => {
    const { stays } = await arrange(QUEUE);
    await leaveFor("Files");
    await go("Accounts to Rebalance");
    await seen("00Q11");
    await stays();
  });

  it("when the user goes to another tab of the Rebalancer", async () => {
    const { stays } = await arrange(QUEUE);
    await leaveFor("History");
    await go("Accounts to Rebalance");
    await seen("00Q11");
    await stays();
  });

  it("when the user turns the page of the list", async () => {
    const { stays } = await arrange(QUEUE);
    await press("button", "Next page");
    await seen("00Q21");
    await stays();
  });

  it("when the user presses a tile", async () => {
    const { harness, stays } = await arrange(QUEUE);
    await userEvent.click(screen.getByRole("button", { name: /^High Cash/ }));
    await waitFor(() => expect(harness.asked).toContain("GET /api/v1/queue/accounts?tile=HIGH_CASH&page=1&size=200"));
    await seen("00Q11");
    await stays();
  });

  it("when the user proposes trades", async () => {
    const { harness, stays } = await arrange(QUEUE);
    await userEvent.click(screen.getByRole("checkbox", { name: "Select account 00Q11" }));
    await press("button", "Propose trades for 1");
    await done(harness, "");
    await seen("00Q11");
    await stays();
  });

  it("not when the user closes the Rebalancer", async () => closeAndReturn(await arrange(QUEUE), QUEUE));

  it("not when the user signs out", async () => signOutAndReturn(await arrange(QUEUE), QUEUE));
});

describe("the layout of a pending request stays", LONG, () => {
  it("when the user goes to another section with the request open", async () => {
    const { stays } = await arrange(PENDING);
    await leaveFor("Files");
    window.history.back();
    await seen("00A11");
    await stays();
  });

  it("when the user closes the request and opens another", async () => {
    const { stays } = await arrange(PENDING);
    await go("Pending Approval");
    await press("link", "View details of request 8");
    await screen.findByRole("grid", { name: "Accounts of request 8" });
    await stays();
  });

  it("when the user turns the page of the request", async () => {
    const { stays } = await arrange(PENDING);
    await press("button", "Next page");
    await seen("00A21");
    await stays();
  });

  it("when the user looks at an account of the request", async () => {
    const { stays } = await arrange(PENDING);
    await press("link", "00A11");
    await screen.findByRole("link", { name: "Account facts" });
    await press("link", "Request 7");
    await seen("00A11");
    await stays();
  });

  it("when the user removes accounts", async () => {
    const { harness, stays } = await arrange(PENDING);
    await removeAccount(harness, "00A11");
    await stays();
  });

  it("not when the user closes the Rebalancer", async () => closeAndReturn(await arrange(PENDING), PENDING));

  it("not when the user signs out", async () => signOutAndReturn(await arrange(PENDING), PENDING));
});

describe("the layout of a completed request stays", LONG, () => {
  it("when the user goes to another section with the request open", async () => {
    const { stays } = await arrange(COMPLETED);
    await leaveFor("Files");
    window.history.back();
    await seen("00A11");
    await stays();
  });

  it("when the user closes the request and opens another", async () => {
    const { stays } = await arrange(COMPLETED);
    await go("History");
    await press("link", "6");
    await screen.findByRole("grid", { name: "Accounts of request 6" });
    await stays();
  });

  it("when the user turns the page of the request", async () => {
    const { stays } = await arrange(COMPLETED);
    await press("button", "Next page");
    await seen("00A21");
    await stays();
  });

  it("when the user looks at an account of the request", async () => {
    const { stays } = await arrange(COMPLETED);
    await press("link", "00A11");
    await screen.findByRole("link", { name: "Account facts" });
    await press("link", "Request 5");
    await seen("00A11");
    await stays();
  });

  it("not when the user closes the Rebalancer", async () => closeAndReturn(await arrange(COMPLETED), COMPLETED));

  it("not when the user signs out", async () => signOutAndReturn(await arrange(COMPLETED), COMPLETED));
});
