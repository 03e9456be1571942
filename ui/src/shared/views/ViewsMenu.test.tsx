/** Saved views of the queue, as a user meets them: the whole page before a server that keeps views in memory. */
import axe from "axe-core";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";

import type { SavedView, ViewBody } from "@/shared/api/models";
import { openMemory } from "@/shared/state/memory";
import { LONG, openHarness, press, seen } from "@/test/harness";

const aView = (part: Partial<SavedView> = {}): SavedView => ({
  view_id: 1, version: 1, list: "queue", name: "Big accounts", owner: "Jo", is_mine: true, may_change: true, shared_with: null,
  content: { tiles: ["HIGH_CASH"], f: ["market_value.gte.10000"], q: "", sort: "-max_drift", layout: null }, ...part,
});

interface Sent {
  method: string;
  path: string;
  version: string | null;
  body: ViewBody | null;
}

/** Open the queue before a server with these views; a command is refused where `refusal` says how. */
async function openQueue(views: SavedView[], address = "/accounts") {
  const state: { views: SavedView[]; sent: Sent[]; refusal: (() => Response) | null } = { views, sent: [], refusal: null };
  const harness = openHarness(address);
  const others = globalThis.fetch;
  vi.stubGlobal("fetch", (input: string, init?: RequestInit) => {
    const { pathname } = new URL(input, "http://localhost");
    if (!pathname.startsWith("/api/v1/views")) return others(input, init);
    const method = init?.method ?? "GET";
    if (method === "GET") return Promise.resolve(new Response(JSON.stringify({ rows: state.views })));
    const body = typeof init?.body === "string" ? (JSON.parse(init.body) as ViewBody) : null;
    state.sent.push({ method, path: pathname, version: new Headers(init?.headers).get("If-Match"), body });
    if (state.refusal) return Promise.resolve(state.refusal());
    if (!body) return Promise.resolve(new Response(null, { status: 204 }));
    const { content, ...rest } = body;
    const saved = aView({ ...rest, view_id: method === "PUT" ? 1 : 9, version: 2, content: { ...content } });
    state.views = [...state.views.filter(({ view_id }) => view_id !== saved.view_id), saved];
    return Promise.resolve(new Response(JSON.stringify(saved)));
  });
  await seen("00Q11");
  return { ...harness, state };
}

const menu = async (name = "Views") => {
  await press("button", name);
  return screen.findByRole("menu");
};
const choose = async (name: string | RegExp) => userEvent.click(await screen.findByRole("menuitem", { name }));
const headers = () => screen.getAllByRole("columnheader").map((header) => header.textContent);

beforeEach(() => {
  openMemory(crypto.randomUUID());
  localStorage.clear();
});

describe("a saved view", () => {
  it("puts the list under its filter, order and tile, and says when the list shows something else", LONG, async () => {
    const { asked } = await openQueue([aView()]);
    await menu();
    await choose("Big accounts");
    await screen.findByRole("button", { name: "View: Big accounts" });
    expect(screen.getByRole("button", { name: "Market value ≥ $10,000" })).toBeVisible();
    await waitFor(() => expect(asked.some((line) => line.includes("tile=HIGH_CASH&f=market_value.gte.10000&sort=-max_drift"))).toBe(true));
    await press("button", "Remove filter Market value ≥ $10,000");
    await screen.findByRole("button", { name: "View: Big accounts (changed)" });
  });

  it("brings back the layout, with a word on columns that no longer exist", LONG, async () => {
    const layout = { order: ["account_number", "name", "gone", "advisor_id", "why"], hidden: ["why"] };
    await openQueue([aView({ content: { tiles: [], f: [], q: "", sort: null, layout } })]);
    expect(headers()).toContain("Why");
    await menu();
    await choose("Big accounts");
    await waitFor(() => expect(headers()).not.toContain("Why"));
    expect(headers().indexOf("Advisor")).toBe(3); // after the box and the two fixed columns
    expect(await screen.findByText("This list does not have all that was saved. Left out: 1 column.")).toBeVisible();
  });

  it("is saved under a name with what the list shows, and shared with an enterprise", LONG, async () => {
    const { state } = await openQueue([], "/accounts?f=market_value.gte.10000&sort=-max_drift");
    await menu();
    await choose("Save as a new view");
    await userEvent.type(await screen.findByRole("textbox", { name: "Name" }), " Big ones ");
    await userEvent.selectOptions(screen.getByRole("combobox", { name: "Who sees it" }), "Everybody of E1");
    await press("button", "Save view");
    await screen.findByRole("button", { name: "View: Big ones" });
    expect(state.sent).toMatchObject([{ method: "POST", path: "/api/v1/views", body: { list: "queue", name: "Big ones", shared_with: "E1" } }]);
    expect(state.sent[0]?.body?.content).toMatchObject({ tiles: [], f: ["market_value.gte.10000"], sort: "-max_drift" });
    expect(state.sent[0]?.body?.content.layout?.order[0]).toBe("account_number");
  });

  it("keeps what was entered when the server refuses, and says why in the dialog", LONG, async () => {
    const { state } = await openQueue([]);
    const detail = "You have a view of this list under the name “Mine” already. Choose another name, or change that view.";
    state.refusal = () => new Response(JSON.stringify({ status: 422, code: "view_name_taken", title: "There is a view of this name", detail }), { status: 422 });
    await menu();
    await choose("Save as a new view");
    await userEvent.type(await screen.findByRole("textbox", { name: "Name" }), "Mine{Enter}");
    const dialog = screen.getByRole("dialog");
    expect(await within(dialog).findByText(detail)).toBeVisible();
    expect(screen.getByRole("textbox", { name: "Name" })).toHaveValue("Mine");
  });

  it("is changed to what the list shows now, at the version that was seen", LONG, async () => {
    const { state } = await openQueue([aView({ version: 4 })]);
    await menu();
    await choose("Big accounts");
    await press("button", "Remove filter Market value ≥ $10,000");
    await menu("View: Big accounts (changed)");
    await choose("Save “Big accounts” as it is now");
    await screen.findByRole("button", { name: "View: Big accounts" });
    expect(state.sent).toMatchObject([{ method: "PUT", path: "/api/v1/views/1", version: '"4"', body: { name: "Big accounts", content: { tiles: ["HIGH_CASH"], f: [], layout: null } } }]);
  });

  it("is renamed", LONG, async () => {
    const { state } = await openQueue([aView()]);
    await menu();
    await choose("Big accounts");
    await menu("View: Big accounts");
    await choose("Rename or share “Big accounts”");
    const box = await screen.findByRole("textbox", { name: "Name" });
    await userEvent.clear(box);
    await userEvent.type(box, "Large");
    await press("button", "Save changes");
    await screen.findByRole("button", { name: "View: Large" });
    expect(state.sent).toMatchObject([{ method: "PUT", body: { name: "Large", shared_with: null, content: aView().content } }]);
  });

  it("is deleted after a question, and the list stays as it is", LONG, async () => {
    const { state } = await openQueue([aView()]);
    await menu();
    await choose("Big accounts");
    await menu("View: Big accounts");
    await choose("Delete “Big accounts”");
    expect(state.sent).toEqual([]);
    await press("button", "Delete view");
    await screen.findByRole("button", { name: "Views" });
    expect(state.sent).toMatchObject([{ method: "DELETE", path: "/api/v1/views/1", version: '"1"' }]);
    expect(screen.getByRole("button", { name: "Market value ≥ $10,000" })).toBeVisible();
  });

  it("of somebody else can be used and saved under another name, not changed", LONG, async () => {
    await openQueue([aView({ owner: "Olivia", is_mine: false, may_change: false, shared_with: "E1" })]);
    await menu();
    await choose("Big accounts, by Olivia");
    await press("button", "Remove filter Market value ≥ $10,000");
    await menu("View: Big accounts (changed)");
    const items = screen.getAllByRole("menuitem").map((item) => item.textContent);
    expect(items).toEqual(["Big accounts, by Olivia", "Save as a new view"]);
  });

  it("is reached by keyboard alone, and its menu is accessible", LONG, async () => {
    await openQueue([aView()]);
    screen.getByRole("button", { name: "Views" }).focus();
    await userEvent.keyboard("{Enter}");
    const open = await screen.findByRole("menu");
    const { violations } = await axe.run(open, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ failureSummary }) => failureSummary)])).toEqual([]);
    await waitFor(() => expect(open).toContainElement(document.activeElement as HTMLElement));
    await userEvent.keyboard("{Home}");
    await waitFor(() => expect(screen.getByRole("menuitem", { name: "Big accounts" })).toHaveFocus());
    await userEvent.keyboard("{Enter}");
    await screen.findByRole("button", { name: "View: Big accounts" });
  });
});
