/** What a page's box selects, what stands beside it, and what a selection leaves of Approve and Cancel. */
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";

import { openMemory } from "@/shared/state/memory";
import { LONG, openHarness, press, seen } from "@/test/harness";
import { ME } from "@/test/render";

const selectPage = () => userEvent.click(screen.getByRole("checkbox", { name: "Select all rows on this page" }));
const decisions = () => ["Approve", "Cancel"].filter((name) => screen.queryByRole("button", { name }) !== null);

beforeEach(() => openMemory(ME.subject));

describe("select all", LONG, () => {
  it.each([
    ["/accounts", "00Q11"],
    ["/pending/7", "00A11"],
  ])("says how many of the page are selected and offers all that match: %s", async (address, first) => {
    openHarness(address);
    await seen(first);
    await selectPage();
    expect(screen.getByText("2 selected")).toBeVisible();
    await press("button", "Select all 400 matching");
    expect(screen.getByText("400 selected of all 400 matching")).toBeVisible();
  });

  it("of a request leaves Approve and Cancel as with nothing selected; a part of it leaves neither", async () => {
    openHarness("/pending/7");
    await seen("00A11");
    expect(decisions()).toEqual(["Approve", "Cancel"]);
    await selectPage();
    expect(decisions()).toEqual([]);
    expect(screen.getByText("Approve and Cancel act on all accounts: clear the selection to use them.")).toBeVisible();
    await press("button", "Select all 400 matching");
    expect(decisions()).toEqual(["Approve", "Cancel"]);
  });
});
