import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ExportMenu, type ExportList } from "@/shared/export/ExportMenu";
import { aServer, draw } from "@/test/render";

const ACCOUNTS: ExportList = { title: "Accounts", row: "account", path: "/exports/batches/7/accounts", query: { f: ["market_value.gte.5", "buys.gte.1"], q: "", sort: "-name" }, rows: 2318 };
const TRADES: ExportList = { title: "Trades", row: "order", path: "/exports/batches/7/trades", query: { f: [] }, rows: null };
const downloaded: string[] = [];

beforeEach(() => {
  downloaded.length = 0;
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    downloaded.push(`${this.hasAttribute("download")} ${this.pathname}${this.search}`);
  });
});
afterEach(() => vi.unstubAllGlobals());

async function choose(name: string) {
  await userEvent.click(screen.getByRole("button", { name: "Export" }));
  await userEvent.click(await screen.findByRole("menuitem", { name }));
}

describe("the export of a list", () => {
  it("says how many rows the file will have, and nothing before that is known", async () => {
    draw(<ExportMenu lists={[ACCOUNTS, TRADES]} />);
    await userEvent.click(screen.getByRole("button", { name: "Export" }));
    await screen.findByRole("menuitem", { name: "Accounts (2,318 accounts) as CSV" });
    expect(screen.getAllByRole("menuitem").map(({ textContent }) => textContent)).toEqual([
      "Accounts (2,318 accounts) as Excel (XLSX)",
      "Accounts (2,318 accounts) as CSV",
      "Trades as Excel (XLSX)",
      "Trades as CSV",
    ]);
    const { violations } = await axe.run(document.body, { rules: { region: { enabled: false }, "color-contrast": { enabled: false } } });
    expect(violations).toEqual([]);
  });

  it("asks whether the file can be made, then leaves it to the browser, with the filter and the order of the list", async () => {
    const asked: string[] = [];
    vi.stubGlobal("fetch", (input: string) => {
      asked.push(input);
      return Promise.resolve(new Response(null, { status: 204 }));
    });
    draw(<ExportMenu lists={[ACCOUNTS]} />);
    await choose("Accounts (2,318 accounts) as CSV");
    await waitFor(() => expect(downloaded).toHaveLength(1));
    const list = "f=market_value.gte.5&f=buys.gte.1&sort=-name&format=csv";
    expect(asked).toEqual([`/api/v1/exports/batches/7/accounts?${list}&check=true`]);
    expect(downloaded).toEqual([`true /api/v1/exports/batches/7/accounts?${list}`]);
    expect(document.querySelectorAll("a[download]")).toHaveLength(0);
  });

  it("is reached and chosen by the keyboard alone", async () => {
    vi.stubGlobal("fetch", aServer(() => new Response(null, { status: 204 })).fetch);
    draw(<ExportMenu lists={[ACCOUNTS]} />);
    await userEvent.tab();
    await userEvent.keyboard("{Enter}");
    await screen.findByRole("menuitem", { name: "Accounts (2,318 accounts) as CSV" });
    await userEvent.keyboard("{Enter}");
    await waitFor(() => expect(downloaded).toHaveLength(1));
    expect(downloaded[0]).toContain("format=xlsx");
  });

  it("tells in words why there is no file, and downloads nothing", async () => {
    const problem = { type: "/problems/busy", title: "Too much is asked for at once", status: 503, code: "busy", detail: "Other files are being taken out. Try again in a minute." };
    vi.stubGlobal("fetch", aServer(() => Response.json(problem, { status: 503 })).fetch);
    draw(<ExportMenu lists={[ACCOUNTS]} />);
    await choose("Accounts (2,318 accounts) as Excel (XLSX)");
    expect(await screen.findByText(/Other files are being taken out/)).toBeVisible();
    expect(downloaded).toEqual([]);
    expect(screen.getByRole("button", { name: "Export" })).toBeEnabled();
  });
});
