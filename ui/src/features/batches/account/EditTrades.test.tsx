import { createMemoryHistory, createRootRoute, createRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { describe, expect, it, vi } from "vitest";

import { BatchAccountPage } from "@/features/batches/account/BatchAccountPage";
import type { BatchAccountView } from "@/shared/api/models";
import { aBatch, aProposal, aRow, draw, json, problem } from "@/test/render";

const ORDER = { security_id: "AAA", side: "SELL", quantity: "10", price: "10", value: "100.00", reason: "TO_TARGET" } as const;
const TRADE = { sleeve_id: "APM", security_id: "AAA", side: "SELL", quantity: "10", crossed: "0", market: "10", value: "100.00", reason: "TO_TARGET", sentence: "It is above its target." } as const;

interface Sent {
  path: string;
  body: unknown;
}

/** The page of an account, and the commands that it sent; each is answered by the next of `responses`. */
function open(part: Partial<BatchAccountView>, ...responses: (() => Response)[]): Sent[] {
  const sent: Sent[] = [];
  const view: BatchAccountView = {
    batch: aBatch(), account: aRow({ account_id: "A1" }), logic: "BEST_FIT", proposals: [aProposal({ orders: [ORDER], trades: [TRADE] })], edit: null,
    wash_note: "Checked.", executions: [], previous_id: null, next_id: null, position: 1, listed: 1, ...part,
  };
  vi.stubGlobal("fetch", (input: string, init?: RequestInit) => {
    if (init?.method !== "POST") return Promise.resolve(json(view)());
    sent.push({ path: input, body: JSON.parse(init.body as string) });
    return Promise.resolve((responses.shift() ?? json({ batch: aBatch({ version: 4, status: "WORKING" }), accounts: 1 }))());
  });
  const root = createRootRoute();
  const account = createRoute({ getParentRoute: () => root, path: "/pending/$batchId/accounts/$accountId", component: () => <BatchAccountPage batchId={7} accountId="A1" shelf="open" /> });
  const history = createMemoryHistory({ initialEntries: ["/pending/7/accounts/A1"] });
  draw(<RouterProvider router={createRouter({ routeTree: root.addChildren([account]), history }) as never} />);
  return sent;
}

const field = () => screen.findByRole("textbox", { name: "Sell AAA: quantity" });
const save = () => screen.getByRole("button", { name: "Save and compute again" });

describe("editing trades", () => {
  it("sends what was typed with the reason, by keyboard alone, and closes when it is saved", async () => {
    const sent = open({});
    (await screen.findByRole("button", { name: "Edit trades" })).focus();
    await userEvent.keyboard("{Enter}");
    expect(await field()).toHaveValue("10");
    expect(save()).toHaveAccessibleDescription("Nothing is changed yet.");
    await userEvent.clear(await field());
    await userEvent.type(await field(), "4");
    expect(save()).toHaveAccessibleDescription("Say why: it is kept with the decision.");
    await userEvent.type(screen.getByRole("textbox", { name: /Why/ }), "Why.");
    save().focus();
    await userEvent.keyboard("{Enter}");
    await vi.waitFor(() => expect(sent).toEqual([{ path: "/api/v1/batches/7/accounts/A1/edits", body: { note: "Why.", trades: [{ security_id: "AAA", quantity: "4" }] } }]));
    await screen.findByRole("button", { name: "Edit trades" });
  });

  it("keeps what was typed where it is refused, and says why", async () => {
    open({}, problem(422, "edit_refused", { title: "The trades cannot be edited so", detail: "Selling 61 AAA is more than the 60 that the account can sell of it: sell at most these." }));
    await userEvent.click(await screen.findByRole("button", { name: "Edit trades" }));
    await userEvent.click(screen.getByRole("button", { name: "Sell AAA: one unit more" }));
    await userEvent.type(screen.getByRole("textbox", { name: /Why/ }), "More.");
    await userEvent.click(save());
    expect(await within(screen.getByRole("form", { name: "Edit trades" })).findByText(/more than the 60 that the account can sell/)).toBeVisible();
    expect(await field()).toHaveValue("11");
    expect(screen.getByRole("textbox", { name: /Why/ })).toHaveValue("More.");
  });

  it("takes a trade out, goes back to the proposal, and marks what is no number", async () => {
    open({});
    await userEvent.click(await screen.findByRole("button", { name: "Edit trades" }));
    await userEvent.click(screen.getByRole("button", { name: "Sell AAA: no trade" }));
    expect(await field()).toHaveValue("0");
    await userEvent.click(screen.getByRole("button", { name: "Sell AAA: as proposed" }));
    expect(await field()).toHaveValue("10");
    await userEvent.type(await field(), "x");
    expect(screen.getByText("Type a number of units, 0 for no trade.")).toBeVisible();
    expect(save()).toHaveAccessibleDescription("Correct the quantities that are marked.");
    const { violations } = await axe.run(screen.getByRole("form", { name: "Edit trades" }), { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });

  it("shows who edited what and why, with both figures", async () => {
    const edit = { logic: "BEST_FIT", by: "Pat", at: "2026-06-12T14:00:00Z", note: "The client keeps the rest.", orders: [{ security_id: "AAA", side: "SELL", proposed: "10", quantity: "4" }] } as const;
    open({ edit: { ...edit, orders: [...edit.orders] }, account: aRow({ account_id: "A1", edited_by: "Pat" }), proposals: [aProposal({ orders: [{ ...ORDER, quantity: "4" }], trades: [TRADE] })] });
    expect(await screen.findByText(/^Edited by Pat, /)).toBeVisible();
    expect(screen.getByText("The client keeps the rest.")).toBeVisible();
    expect(within(screen.getByRole("table", { name: "Market orders" })).getByRole("row", { name: /AAA/ })).toHaveTextContent("10 → 4 Edited");
  });

  it("is barred while the proposal is stale", async () => {
    open({ account: aRow({ account_id: "A1", stale: true }) });
    expect(await screen.findByRole("button", { name: "Edit trades" })).toHaveAccessibleDescription("The proposal is stale: propose it again, then edit it.");
  });
});
