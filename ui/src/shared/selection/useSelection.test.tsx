import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it } from "vitest";

import { allMatching, set, type Filter } from "@/shared/selection/selection";
import { useSelection } from "@/shared/selection/useSelection";
import { draw } from "@/test/render";

function Example() {
  const [q, setQ] = useState("");
  const filter: Filter = { tiles: [], f: [], q };
  const [selection, setSelection] = useSelection("test", filter);
  return (
    <>
      <button onClick={() => setSelection(allMatching(filter))}>All</button>
      <button onClick={() => setSelection(set({ kind: "ids", ids: new Set() }, ["a"], true))}>One</button>
      <button onClick={() => setQ(q ? "" : "smith")}>Filter</button>
      <output>{selection.kind === "ids" ? [...selection.ids].join() || "nothing" : "all"}</output>
    </>
  );
}

const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));

describe("a selection", () => {
  it("made by filter does not come back when the filter does", async () => {
    draw(<Example />);
    await press("All");
    expect(screen.getByRole("status")).toHaveTextContent("all");
    await press("Filter");
    expect(screen.getByRole("status")).toHaveTextContent("nothing");
    await press("Filter");
    expect(screen.getByRole("status")).toHaveTextContent("nothing");
  });
  it("one by one stays", async () => {
    draw(<Example />);
    await press("One");
    await press("Filter");
    expect(screen.getByRole("status")).toHaveTextContent("a");
  });
});
