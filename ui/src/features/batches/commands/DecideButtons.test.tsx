import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { DecideButtons } from "@/features/batches/commands/DecideButtons";
import { aBatch, aServer, draw, json, RULES } from "@/test/render";

const TOTALS = {
  accounts: 10, market_value: "1000000.00", buys: 3, buys_value: "5000.00", sells: 2, sells_value: "4000.00", flats: 1, flats_value: "100.00",
  short_term: "-50.00", long_term: "900.00", estimated: "850.00", no_basis_proceeds: "0.00",
  non_taxable_short_term: "0.00", non_taxable_long_term: "0.00", non_taxable_estimated: "0.00", failed: 0, removed: 0,
  wash_disallowed: "0.00", wash_permanent: "0.00", wash_unchecked: 0, wash_earlier: "0.00", wash_earlier_permanent: "0.00",
};
const page = (version: number) => json({ batch: aBatch({ version }), rows: [], total: 0, page: 1, size: 50, totals: TOTALS, filtered: TOTALS });

describe("Approve and Cancel", () => {
  it("stay reachable while greyed, with their reason, and do nothing", async () => {
    draw(<DecideButtons batch={aBatch({ status: "WORKING" })} />);
    const button = screen.getByRole("button", { name: "Approve" });
    expect(button).toHaveAttribute("aria-disabled", "true");
    expect(button).toHaveAccessibleDescription("Working: 10 of 10 accounts are done.");
    await userEvent.click(button, { pointerEventsCheck: 0 });
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("ask with counts and totals, then approve the version that was seen", async () => {
    const server = aServer(page(3), json({ batch: aBatch({ version: 4, status: "APPROVED" }), accounts: 10 }), page(4));
    vi.stubGlobal("fetch", server.fetch);
    draw(<DecideButtons batch={aBatch()} unseen={4} />);
    await userEvent.click(screen.getByRole("button", { name: "Approve" }));
    const dialog = await screen.findByRole("dialog", { name: "Approve request 7: 10 accounts?" });
    expect(dialog).toHaveTextContent("This includes 4 accounts not shown by your filter.");
    const confirm = screen.getByRole("button", { name: "Approve 10" });
    await vi.waitFor(() => expect(confirm).toBeEnabled());
    expect(dialog).toHaveTextContent("3 · $5,000");
    expect(dialog).toHaveTextContent("($50) loss");
    await userEvent.click(confirm);
    expect(await screen.findByText("Request 7 approved")).toBeInTheDocument();
    expect(server.calls[1]?.path).toBe("/api/v1/batches/7/approve");
    expect(server.calls[1]?.headers.get("If-Match")).toBe('"3"');
  });

  it("refuse to act on a request that changed while the dialog stood open", async () => {
    vi.stubGlobal("fetch", aServer(page(5)).fetch);
    draw(<DecideButtons batch={aBatch()} />);
    await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("The request has changed");
    expect(screen.getByRole("button", { name: "Cancel 10" })).toBeDisabled();
  });

  it("need a note where the enterprise asks for one, which is kept when the dialog is closed and sent on one line", async () => {
    const batch = aBatch({ rules: { ...RULES, note_required: true } });
    const server = aServer(page(3), page(3), json({ batch: aBatch({ version: 4, status: "CANCELLED" }), accounts: 10 }), page(4));
    vi.stubGlobal("fetch", server.fetch);
    draw(<DecideButtons batch={batch} />);
    await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await screen.findByRole("textbox", { name: /Note/ })).toBeRequired();
    await userEvent.type(screen.getByRole("textbox", { name: /Note/ }), "the client{enter}asked");
    await userEvent.click(screen.getByRole("button", { name: "Keep the request" }));
    await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
    const confirm = await screen.findByRole("button", { name: "Cancel 10" });
    await vi.waitFor(() => expect(confirm).toBeEnabled());
    await userEvent.clear(screen.getByRole("textbox", { name: /Note/ }));
    expect(confirm).toBeDisabled();
    await userEvent.type(screen.getByRole("textbox", { name: /Note/ }), "the client{enter}asked");
    await userEvent.click(confirm);
    expect(await screen.findByText("Request 7 cancelled")).toBeInTheDocument();
    expect(server.calls.find(({ path }) => path.endsWith("/cancel"))?.body).toEqual({ note: "the client asked" });
  });

  it("say when an approval is the first of two", async () => {
    const batch = aBatch({ rules: { ...RULES, approvers: 2, two_above_accounts: 5 } });
    vi.stubGlobal("fetch", aServer(page(3), json({ batch: aBatch({ version: 4 }), accounts: 0 }), page(4)).fetch);
    draw(<DecideButtons batch={batch} />);
    await userEvent.click(screen.getByRole("button", { name: "Approve" }));
    const confirm = await screen.findByRole("button", { name: "Approve 10 as the first of two" });
    await vi.waitFor(() => expect(confirm).toBeEnabled());
    await userEvent.click(confirm);
    expect(await screen.findByText("First approval kept")).toBeInTheDocument();
  });
});
