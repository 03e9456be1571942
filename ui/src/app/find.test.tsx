/** Lists of accounts in any state, as a user goes through them. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import { LONG, openHarness, press, seen } from "@/test/harness";

const address = () => window.location.pathname + window.location.search;

describe("lists of accounts", () => {
  it("lead from those that need attention to any other, and say where each account is", LONG, async () => {
    const harness = openHarness("/accounts");
    await seen("00Q11");
    const lists = screen.getByRole("navigation", { name: "Lists of accounts" });
    expect(within(lists).getAllByRole("link").map(({ textContent }) => textContent)).toEqual(["Needs attention", "All", "Held", "Settling", "In a request", "Switched off", "In tolerance"]);
    expect(within(lists).getByRole("link", { current: "page" }).textContent).toBe("Needs attention");
    await press("link", "Held");
    await seen("00H1");
    expect(address()).toBe("/find?state=HELD");
    expect(harness.asked.some((asked) => asked.startsWith("GET /api/v1/accounts?") && asked.includes("state=HELD"))).toBe(true);
    const row = screen.getByRole("rowheader", { name: "00H1" }).closest("tr");
    expect(row?.textContent).toContain("Data holdThe file names an unknown security.");
    expect(screen.getByText("In request 7")).toBeTruthy();
    await press("link", "00H1");
    await waitFor(() => expect(address()).toBe("/accounts/H1"));
  });

  it("are searched from the header of every page, and keep the search from list to list", LONG, async () => {
    openHarness("/history");
    await userEvent.type(await screen.findByRole("searchbox", { name: /^Find accounts/ }), "00h{Enter}");
    await seen("00H1");
    expect(address()).toBe("/find?q=00h");
    expect(screen.queryByRole("rowheader", { name: "00R1" })).toBeNull();
    await press("link", "Settling");
    await waitFor(() => expect(new URLSearchParams(window.location.search).get("state")).toBe("SETTLING"));
    expect(new URLSearchParams(window.location.search).get("q")).toBe("00h");
  });

  it("say that more match than are shown, and that nothing does", LONG, async () => {
    openHarness("/find?q=00");
    expect(await screen.findByText(/^More than 2 accounts match: type more/)).toBeTruthy();
    const search = await screen.findByRole("searchbox", { name: /^Search number/ });
    await userEvent.clear(search);
    await userEvent.type(search, "zz{Enter}");
    expect(await screen.findByText('No account here matches "zz".')).toBeTruthy();
  });

  it("lead from a page that does not exist to the last one", LONG, async () => {
    openHarness("/find?page=99");
    expect(await screen.findByText(/There is no page 99/)).toBeTruthy();
    expect(address()).toBe("/find");
  });
});
