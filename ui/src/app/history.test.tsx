/** History as a list: its filters, search and order are asked of the server, stand in the address and stay. */
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";

import { openMemory } from "@/shared/state/memory";
import { go, LONG, openHarness, press, type Harness } from "@/test/harness";

beforeEach(() => {
  openMemory(crypto.randomUUID());
  localStorage.clear();
});

const listed = () => screen.findByRole("table", { name: "Completed requests" });
const askedFor = ({ asked }: Harness, part: string) => waitFor(() => expect(asked.some((line) => line.startsWith("GET /api/v1/batches?state=history") && line.includes(part))).toBe(true));

describe("history", () => {
  it("is filtered by who decided, and says how many there are", LONG, async () => {
    const harness = openHarness("/history");
    await listed();
    await press("button", "Add filter");
    await userEvent.selectOptions(await screen.findByRole("combobox", { name: "Column" }), "decided_by");
    await userEvent.click(screen.getByRole("button", { name: "Jo" })); // seen in the list
    await press("button", "Apply filter");
    await askedFor(harness, "f=decided_by.in.Jo");
    expect(await screen.findByText("2 requests found.")).toBeVisible();
    expect(window.location.search).toBe("?f=decided_by.in.Jo");
  });

  it("is searched and sorted, upwards and then downwards", LONG, async () => {
    const harness = openHarness("/history");
    await listed();
    await userEvent.type(screen.getByRole("searchbox", { name: "Search number, name, note or person" }), "quarter{Enter}");
    await askedFor(harness, "q=quarter");
    await press("button", "Estimated G&L");
    await askedFor(harness, "sort=estimated");
    await press("button", "Estimated G&L");
    await askedFor(harness, "sort=-estimated");
    expect(screen.getByRole("columnheader", { name: "Estimated G&L" })).toHaveAttribute("aria-sort", "descending");
  });

  it("opens as a link says", LONG, async () => {
    const harness = openHarness("/history?f=decision.in.CANCELLED&f=accounts.gte.100&f=gone.eq.1&sort=-decided");
    await listed();
    await askedFor(harness, "f=decision.in.CANCELLED&f=accounts.gte.100&sort=-decided");
    expect(screen.getByRole("button", { name: "Result is Cancelled" })).toBeVisible();
    expect(screen.getByRole("columnheader", { name: "Decided" })).toHaveAttribute("aria-sort", "descending");
  });

  it("keeps its filter through other tabs and a closed window", LONG, async () => {
    const harness = openHarness("/history?f=decision.in.CANCELLED");
    await listed();
    await go("Pending Approval");
    await screen.findByRole("table", { name: "Pending requests" });
    await go("History");
    expect(await screen.findByRole("button", { name: "Result is Cancelled" })).toBeVisible();
    harness.close();
    openHarness("/history");
    expect(await screen.findByRole("button", { name: "Result is Cancelled" })).toBeVisible();
  });
});
