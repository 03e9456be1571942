import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";

import { Pager } from "@/shared/grid/Pager";
import { SelectionBar } from "@/shared/grid/SelectionBar";
import { allMatching, NOTHING, type Selection } from "@/shared/selection/selection";
import { useKeptFocus } from "@/shared/focus/keptFocus";
import { Confirm } from "@/shared/ui/Confirm";
import { draw } from "@/test/render";

const FILTER = { tiles: [], f: [], q: "" };

/** A list with all that takes its own button away when it is used. */
function Example() {
  useKeptFocus();
  const [rows, setRows] = useState(["a", "b"]);
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const [isAsking, setAsking] = useState(false);
  const [page, setPage] = useState(1);
  const [isShut, setShut] = useState(false);
  return (
    <main tabIndex={-1}>
      <SelectionBar selection={selection} matching={rows.length} onAll={() => setSelection(allMatching(FILTER))} onNone={() => setSelection(NOTHING)}>
        {selection.kind === "matching" && <button onClick={() => setAsking(true)}>Remove selected</button>}
      </SelectionBar>
      {isAsking && (
        <Confirm
          title="Remove?"
          confirm="Remove"
          onClose={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            setSelection(NOTHING);
            setRows(["b"]);
          }}
        >
          Really?
        </Confirm>
      )}
      <ul>
        {rows.map((row) => (
          <li key={row}>
            <button onClick={() => setRows(rows.filter((other) => other !== row))}>Drop {row}</button>
          </li>
        ))}
      </ul>
      <button disabled={isShut} onClick={() => setShut(true)}>
        Only once
      </button>
      <Pager page={page} size={50} total={100} onPage={setPage} onSize={() => undefined} />
    </main>
  );
}

const press = (name: string | RegExp) => userEvent.click(screen.getByRole("button", { name }));
const focused = () => document.activeElement;

describe("the focus never falls to the page's body", () => {
  it("after all that match are selected, and released", async () => {
    draw(<Example />);
    await press(/Select all/);
    expect(focused()).toHaveTextContent("2 selected of all 2 matching");
    await press("Clear selection");
    expect(focused()).toHaveTextContent("0 selected");
  });

  it("after paging, also to the last page", async () => {
    draw(<Example />);
    await press("Next page");
    expect(screen.getByRole("button", { name: "Next page" })).toHaveFocus();
    expect(screen.getByRole("button", { name: "Next page" })).toHaveAttribute("aria-disabled", "true");
    await press("First page");
    expect(screen.getByText("Page 1 of 2")).toBeInTheDocument();
    expect(screen.getByRole("button", { name: "First page" })).toHaveFocus();
  });

  it("after a removal whose dialog and opener are gone", async () => {
    draw(<Example />);
    await press(/Select all/);
    await press("Remove selected");
    await userEvent.click(await screen.findByRole("button", { name: "Remove" }));
    await vi.waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    await vi.waitFor(() => expect(screen.getByRole("button", { name: /Select all 1/ })).toHaveFocus());
  });

  it("after a row leaves, when another takes its place", async () => {
    draw(<Example />);
    await press("Drop a");
    await vi.waitFor(() => expect(screen.getByRole("button", { name: "Drop b" })).toHaveFocus());
    await press("Drop b");
    await vi.waitFor(() => expect(screen.getByRole("main")).toHaveFocus());
  });

  it("after a button is disabled by its own press", async () => {
    draw(<Example />);
    await press("Only once");
    await vi.waitFor(() => expect(screen.getByRole("main")).toHaveFocus());
  });

  it("but stays nowhere when somebody presses on the page itself", async () => {
    draw(<Example />);
    screen.getByRole("button", { name: "Drop b" }).focus();
    await userEvent.click(document.body);
    await userEvent.tab();
    expect(focused()).not.toBe(document.body);
  });
});
