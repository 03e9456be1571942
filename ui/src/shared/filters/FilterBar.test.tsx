import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it } from "vitest";

import type { Field } from "@/shared/filters/clause";
import { FilterBar } from "@/shared/filters/FilterBar";
import { draw } from "@/test/render";

const FIELDS: Field[] = [
  { id: "market_value", label: "Market value", kind: "money" },
  { id: "result", label: "Result", kind: "choice", choices: [["FAILED", "Failed"], ["REMOVED", "Removed"]] },
];

function Example() {
  const [clauses, setClauses] = useState<string[]>([]);
  const [q, setQ] = useState("");
  return (
    <>
      <FilterBar fields={FIELDS} clauses={clauses} q={q} searchLabel="Search" onChange={setClauses} onSearch={setQ} onClear={() => setClauses([])} />
      <output>{[...clauses, q].join(" ")}</output>
    </>
  );
}

const state = () => screen.getByRole("status").textContent;

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
