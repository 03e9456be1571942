import { createMemoryHistory, createRootRoute, createRoute, createRouter, RouterProvider, type AnyRouter } from "@tanstack/react-router";
import { act, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { BatchAccountPage } from "@/features/batches/account/BatchAccountPage";
import { REQUEST_FIELDS } from "@/features/batches/request/fields";
import type { BatchAccountView } from "@/shared/api/models";
import { pageActions } from "@/shared/keys/actions";
import { listSearch, readAddress, writeAddress } from "@/shared/state/search";
import { aBatch, aProposal, aRow, draw, json } from "@/test/render";

const IDS = ["A1", "A2", "A3"];

function view(id: string, part: Partial<BatchAccountView> = {}): BatchAccountView {
  const at = IDS.indexOf(id);
  return {
    batch: aBatch(),
    account: aRow({ account_id: id, account_number: `00${id}`, name: id }),
    logic: "BEST_FIT",
    proposals: [aProposal()],
    edit: null,
    wash_note: "Checked.",
    executions: [],
    previous_id: IDS[at - 1] ?? null,
    next_id: IDS[at + 1] ?? null,
    position: at + 51,
    listed: 53,
    ...part,
  };
}

/** The account's page at an address, with the paths that were asked for. */
function open(address: string, part: Partial<BatchAccountView> = {}): { router: AnyRouter; asked: string[] } {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (input: string, init?: RequestInit) => {
    asked.push(`${init?.method ?? "GET"} ${input}`);
    const content = init?.method === "POST" ? { batch: aBatch({ version: 4 }), accounts: 1 } : view(/accounts\/(\w+)/.exec(input)?.[1] ?? "", part);
    return Promise.resolve(json(content)());
  });
  const root = createRootRoute();
  const validateSearch = (raw: Record<string, unknown>) => listSearch(raw, REQUEST_FIELDS, ["short_term"]);
  const list = createRoute({ getParentRoute: () => root, path: "/pending/$batchId", validateSearch, component: () => <h1>The list</h1> });
  const account = createRoute({ getParentRoute: () => root, path: "/pending/$batchId/accounts/$accountId", validateSearch, component: Shown });
  function Shown() {
    return <BatchAccountPage batchId={7} accountId={account.useParams().accountId} shelf="open" />;
  }
  const history = createMemoryHistory({ initialEntries: [address] });
  const router = createRouter({ routeTree: root.addChildren([list, account]), history, parseSearch: readAddress, stringifySearch: writeAddress });
  draw(<RouterProvider router={router as never} />);
  return { router, asked };
}

const LIST = "f=attention.in.OVER_BUDGET&sort=-short_term&size=50";
const heading = (id: string) => screen.findByRole("heading", { name: `00${id} ${id}`, level: 1 });
const at = (router: AnyRouter) => router.state.location.href;

describe("an account of a request", () => {
  it("asks for what is next in the list that it was opened from, and says where it stands in it", async () => {
    const { asked } = open(`/pending/7/accounts/A2?${LIST}&page=2`);
    await heading("A2");
    expect(asked[0]).toBe("GET /api/v1/batches/7/accounts/A2?f=attention.in.OVER_BUDGET&sort=-short_term");
    expect(screen.getByText(/52 of 53 that match the filter/)).toBeVisible();
  });

  it("goes to the next and to the previous of that list, keeps the focus, and goes back to the page of the list where it stands", async () => {
    const { router } = open(`/pending/7/accounts/A2?${LIST}`);
    await heading("A2");
    await userEvent.click(screen.getByRole("link", { name: "Next account" }));
    await heading("A3");
    expect(at(router)).toBe(`/pending/7/accounts/A3?${LIST}`);
    expect(screen.getByRole("button", { name: "Next account" })).toBeDisabled();
    await userEvent.click(screen.getByRole("link", { name: "Previous account" }));
    await heading("A2");
    await userEvent.click(screen.getByRole("link", { name: "Previous account" }));
    await heading("A1");
    await userEvent.click(screen.getByRole("link", { name: "Request 7" }));
    await screen.findByRole("heading", { name: "The list" });
    expect(at(router)).toBe(`/pending/7?${LIST}&page=2`);
  });

  it("goes on to the next when it was removed", async () => {
    const { router, asked } = open(`/pending/7/accounts/A1?${LIST}`);
    await heading("A1");
    await userEvent.click(screen.getByRole("button", { name: "Remove from request" }));
    await userEvent.click(await screen.findByRole("button", { name: "Remove and go on" }));
    await heading("A2");
    expect(asked).toContain("POST /api/v1/batches/7/removals");
    expect(at(router)).toBe(`/pending/7/accounts/A2?${LIST}`);
  });

  it.each([
    ["the last of the list", "A3", {}],
    ["the last account of the request, which is cancelled by that", "A1", { batch: aBatch({ counts: { ...aBatch().counts, proposed: 1, removed: 9 } }) }],
  ])("goes back to the list after %s", async (_, id, part) => {
    const { router } = open(`/pending/7/accounts/${id}?${LIST}`, part);
    await heading(id);
    await userEvent.click(screen.getByRole("button", { name: "Remove from request" }));
    expect(screen.queryByRole("button", { name: "Remove and go on" })).toBeNull();
    await userEvent.click(await screen.findByRole("button", { name: "Remove 1" }));
    await screen.findByRole("heading", { name: "The list" });
    expect(at(router)).toBe(`/pending/7?${LIST}&page=2`);
  });

  it("goes by the key of approval to the request, where the totals stand and the key asks", async () => {
    const { router } = open(`/pending/7/accounts/A2?${LIST}`);
    await heading("A2");
    const approve = pageActions().find(({ by }) => by === "approve");
    expect([approve?.label, approve?.barred]).toEqual(["Go to request 7 to approve it", null]);
    act(() => approve?.run());
    await screen.findByRole("heading", { name: "The list" });
    expect(at(router)).toBe(`/pending/7?${LIST}&page=2`);
  });

  it("offers no approval of a request that is decided", async () => {
    open(`/pending/7/accounts/A2?${LIST}`, { batch: aBatch({ status: "APPROVED" }) });
    await heading("A2");
    expect(pageActions().map(({ by }) => by)).not.toContain("approve");
  });

  it("says when it is no longer in the list", async () => {
    open(`/pending/7/accounts/A2?${LIST}`, { position: 0 });
    await heading("A2");
    expect(screen.getByText(/No longer in the list it was opened from/)).toBeVisible();
  });

  it("warns of every gain limit that its proposal exceeds, with both figures", async () => {
    const sentence = "It realises gains of $5,256.00, $3,067.00 more than the account's total gain budget of $2,189.00.";
    open("/pending/7/accounts/A2", { account: aRow({ account_number: "00A2", name: "A2", over_budget: "3067.00", excesses: [{ limit: "TOTAL", budget: "2189.00", gains: "5256.00", sentence }] }) });
    await heading("A2");
    const notes = screen.getAllByRole("status").map(({ textContent }) => textContent);
    expect(notes).toContain(`Over its gain budget${sentence}`); // beside the offer to undo an earlier removal
    expect(screen.getByText("Over budget: $5,256 of $2,189")).toBeVisible();
  });
});
