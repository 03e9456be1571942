/** Filters of a pending request stay until the user changes them: each way of moving about that the guide names. */
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";

import { openMemory } from "@/shared/state/memory";
import { done, go, LONG, openHarness, press, removeAccount, seen, type Harness } from "@/test/harness";
import { ME } from "@/test/render";

const CLAUSE = "f=market_value.gte.10000";
const CHIP = "Market value ≥ $10,000";

/** Filter request 7 by hand, as a user does, and wait for the filtered list. */
async function openFiltered(): Promise<Harness> {
  const harness = openHarness("/pending/7");
  await press("button", "Add filter");
  await userEvent.selectOptions(await screen.findByRole("combobox", { name: "Column" }), "market_value");
  await userEvent.selectOptions(await screen.findByRole("combobox", { name: "Condition" }), "gte");
  await userEvent.type(screen.getByRole("textbox", { name: "Value" }), "10000{Enter}");
  await seen("00A11");
  await filteredAgain(harness, 7);
  return harness;
}

/** The chip is there, and the server has been asked anew for what matches it. */
async function filteredAgain(harness: Harness, batch: number, page = 1) {
  expect(await screen.findByRole("button", { name: CHIP })).toBeVisible();
  await waitFor(() => expect(harness.asked).toContain(`GET /api/v1/batches/${batch}/accounts?${CLAUSE}&page=${page}&size=200`));
  harness.asked.length = 0;
}

beforeEach(() => openMemory(ME.subject));

describe("the filters of a pending request stay", LONG, () => {
  it("when the user goes to another tab", async () => {
    const harness = await openFiltered();
    await go("Files");
    await screen.findByRole("heading", { name: /^Files/, level: 1 });
    await go("Accounts to Rebalance");
    await seen("00Q11");
    expect(screen.queryByRole("button", { name: CHIP })).toBeNull(); // they are those of the other tab
    await go("Pending Approval");
    await press("link", "View details of request 7");
    await seen("00A11");
    expect(screen.getByRole("button", { name: CHIP })).toBeVisible();
    expect(window.location.search).toBe(`?${CLAUSE}`);
    expect(harness.asked).not.toContain("GET /api/v1/batches/7/accounts?page=1&size=200"); // never all of them in between
  });

  it("when the user leaves the request and opens another", async () => {
    const harness = await openFiltered();
    await go("Pending Approval");
    await press("link", "View details of request 8");
    await filteredAgain(harness, 8);
  });

  it("when the user goes to the next page", async () => {
    const harness = await openFiltered();
    await press("button", "Next page");
    await seen("00A21");
    await filteredAgain(harness, 7, 2);
  });

  it("when the user removes accounts", async () => {
    const harness = await openFiltered();
    await removeAccount(harness, "00A11");
    await filteredAgain(harness, 7);
  });

  it("when the user approves the request", async () => {
    const harness = await openFiltered();
    await press("button", "Approve");
    const confirm = await screen.findByRole("button", { name: "Approve 400" });
    await waitFor(() => expect(confirm).toBeEnabled());
    await userEvent.click(confirm);
    await done(harness, "/7/approve");
    await filteredAgain(harness, 7);
    await go("Pending Approval");
    await press("link", "View details of request 8");
    await filteredAgain(harness, 8);
  });

  it("until the user takes them away", async () => {
    const harness = await openFiltered();
    await press("button", `Remove filter ${CHIP}`);
    await go("Pending Approval");
    harness.asked.length = 0;
    await press("link", "View details of request 7");
    await seen("00A11");
    expect(screen.queryByRole("button", { name: CHIP })).toBeNull();
    expect(window.location.search).toBe("");
  });
});
