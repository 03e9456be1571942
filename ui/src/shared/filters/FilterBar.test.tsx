import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";

import type { Field } from "@/shared/filters/clause";
import { FilterBar } from "@/shared/filters/FilterBar";
import { useKeptFocus } from "@/shared/focus/keptFocus";
import { draw } from "@/test/render";

const FIELDS: Field[] = [
  { id: "market_value", label: "Market value", kind: "money" },
  { id: "result", label: "Result", kind: "choice", choices: [["FAILED", "Failed"], ["REMOVED", "Removed"]] },
  { id: "portfolio_id", label: "Target portfolio", kind: "text" },
  { id: "needed_since", label: "Needed since", kind: "day" },
];
const SEEN = { portfolio_id: ["Growth", "Income", "Growth plus"] };

function Example({ hidden = 0 }) {
  useKeptFocus();
  const [clauses, setClauses] = useState<string[]>([]);
  const [q, setQ] = useState("");
  return (
    <>
      <FilterBar fields={FIELDS} clauses={clauses} q={q} searchLabel="Search" seen={SEEN} hides={{ hidden, of: 300 }} onChange={setClauses} onSearch={setQ} onClear={() => setClauses([])} />
      <output aria-label="State">{[...clauses, q].join(" ")}</output>
    </>
  );
}

const state = () => screen.getByRole("status", { name: "State" }).textContent;

async function add(value: string, op = "gte") {
  await userEvent.click(screen.getByRole("button", { name: "Add filter" }));
  await userEvent.selectOptions(await screen.findByRole("combobox", { name: "Condition" }), op);
  await userEvent.type(screen.getByRole("textbox", { name: "Value" }), value);
  await userEvent.click(screen.getByRole("button", { name: "Apply filter" }));
}

describe("filter chips", () => {
  it("make a range of two on the same column, can be edited and removed", async () => {
    draw(<Example />);
    await add("$10k");
    await add("200,000", "lte");
    expect(state()).toBe("market_value.gte.10000 market_value.lte.200000 ");
    await userEvent.click(screen.getByRole("button", { name: "Market value ≥ $10,000" }));
    const box = await screen.findByRole("textbox", { name: "Value" });
    expect(box).toHaveValue("10000");
    await userEvent.clear(box);
    await userEvent.type(box, "300000{Enter}");
    expect(screen.getByRole("alert")).toHaveTextContent("No value can meet all the limits on Market value.");
    await userEvent.click(screen.getByRole("button", { name: "Remove filter Market value ≥ $300,000" }));
    expect(state()).toBe("market_value.lte.200000 ");
  });

  it("take several values of a choice", async () => {
    draw(<Example />);
    await userEvent.click(screen.getByRole("button", { name: "Add filter" }));
    await userEvent.selectOptions(await screen.findByRole("combobox", { name: "Column" }), "result");
    const group = screen.getByRole("group", { name: "Is one of" });
    await userEvent.click(within(group).getByRole("checkbox", { name: "Failed" }));
    await userEvent.click(within(group).getByRole("checkbox", { name: "Removed" }));
    await userEvent.click(screen.getByRole("button", { name: "Apply filter" }));
    expect(state()).toBe("result.in.FAILED|REMOVED ");
  });

  it("say what cannot be read, and keep the editor open", async () => {
    draw(<Example />);
    await add("much");
    expect(screen.getByRole("textbox", { name: "Value" })).toHaveAccessibleDescription(/cannot be read/);
    expect(state()).toBe("");
  });

  it("search with Enter", async () => {
    draw(<Example />);
    await userEvent.type(screen.getByRole("searchbox", { name: "Search" }), "smith{Enter}");
    expect(state()).toBe("smith");
  });
});

async function column(id: string) {
  await userEvent.click(screen.getByRole("button", { name: "Add filter" }));
  await userEvent.selectOptions(await screen.findByRole("combobox", { name: "Column" }), id);
}

describe("the editor", () => {
  it("offers what is seen in the flow of the form, never over its button", async () => {
    draw(<Example />);
    await column("portfolio_id");
    const offered = screen.getByRole("group", { name: "Seen in this list" });
    await userEvent.type(screen.getByRole("textbox", { name: "Is one of" }), "gROW");
    expect(within(offered).getAllByRole("button").map((button) => button.textContent)).toEqual(["Growth", "Growth plus"]);
    expect(screen.queryByRole("listbox")).not.toBeInTheDocument();
    const apply = screen.getByRole("button", { name: "Apply filter" });
    expect(offered.compareDocumentPosition(apply) & Node.DOCUMENT_POSITION_FOLLOWING).toBeTruthy();
    await userEvent.click(within(offered).getByRole("button", { name: "Growth plus" }));
    await userEvent.type(screen.getByRole("textbox", { name: "Is one of" }), "other");
    await userEvent.click(apply);
    expect(state()).toBe("portfolio_id.in.Growth plus|other ");
  });

  it.each([
    ["market_value", "textbox", "Value", "12,5"],
    ["portfolio_id", "textbox", "Is one of", "gro"],
  ] as const)("keeps what is typed for %s when Escape closes it", async (id, role, name, text) => {
    draw(<Example />);
    await column(id);
    await userEvent.type(screen.getByRole(role, { name }), text);
    await userEvent.keyboard("{Escape}");
    expect(screen.queryByRole(role, { name })).not.toBeInTheDocument();
    await vi.waitFor(() => expect(screen.getByRole("button", { name: "Add filter" })).toHaveFocus());
    await userEvent.keyboard("{Enter}");
    expect(await screen.findByRole(role, { name })).toHaveValue(text);
    expect(screen.getByRole("combobox", { name: "Column" })).toHaveValue(id);
  });

  it("keeps chosen values when Escape closes it, and starts anew once applied", async () => {
    draw(<Example />);
    await column("portfolio_id");
    await userEvent.type(screen.getByRole("textbox", { name: "Is one of" }), "one{Enter}two");
    await userEvent.keyboard("{Escape}{Enter}");
    await userEvent.click(await screen.findByRole("button", { name: "Apply filter" }));
    expect(state()).toBe("portfolio_id.in.one|two ");
    await userEvent.click(screen.getByRole("button", { name: "Add filter" }));
    expect(await screen.findByRole("textbox", { name: "Value" })).toHaveValue("");
  });

  it("has no violation that axe finds, with values and suggestions", async () => {
    const { container } = draw(<Example />);
    await column("portfolio_id");
    await userEvent.type(screen.getByRole("textbox", { name: "Is one of" }), "one{Enter}");
    const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
    await userEvent.click(screen.getByRole("button", { name: "Remove one" }));
    expect(screen.queryByRole("button", { name: "Remove one" })).not.toBeInTheDocument();
  });

  it("takes days", async () => {
    draw(<Example />);
    await column("needed_since");
    await userEvent.selectOptions(screen.getByRole("combobox", { name: "Condition" }), "Is on or before");
    await userEvent.type(screen.getByLabelText("Value"), "2026-11-20");
    await userEvent.click(screen.getByRole("button", { name: "Apply filter" }));
    expect(state()).toBe("needed_since.lte.2026-11-20 ");
    expect(screen.getByRole("button", { name: "Needed since until Nov 20, 2026" })).toBeInTheDocument();
  });
});

describe("the focus", () => {
  const addFilter = () => screen.getByRole("button", { name: "Add filter" });

  it("stays with the filter bar whatever is done with filters", async () => {
    draw(<Example />);
    await add("10k");
    await vi.waitFor(() => expect(addFilter()).toHaveFocus());
    await userEvent.click(screen.getByRole("button", { name: "Market value ≥ $10,000" }));
    await userEvent.type(await screen.findByRole("textbox", { name: "Value" }), "0{Enter}");
    await vi.waitFor(() => expect(screen.getByRole("button", { name: "Market value ≥ $100,000" })).toHaveFocus());
    await userEvent.click(screen.getByRole("button", { name: "Remove filter Market value ≥ $100,000" }));
    expect(addFilter()).toHaveFocus();
    await add("10k");
    await userEvent.click(screen.getByRole("button", { name: "Clear all" }));
    expect(addFilter()).toHaveFocus();
    await userEvent.type(screen.getByRole("searchbox", { name: "Search" }), "smith{Enter}");
    expect(screen.getByRole("searchbox", { name: "Search" })).toHaveFocus();
  });
});

describe("filters that were kept", () => {
  it("say how many rows they hide and offer to clear", async () => {
    draw(<Example hidden={294} />);
    expect(screen.queryByText(/These filters hide/)).not.toBeInTheDocument();
    await add("10k");
    expect(screen.getByText(/These filters hide 294 accounts of 300 accounts/)).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "Clear all" }));
    expect(screen.queryByText(/These filters hide/)).not.toBeInTheDocument();
  });
});
