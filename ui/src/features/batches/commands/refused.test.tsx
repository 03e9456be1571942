/** Every command that is confirmed in a dialog: a refusal is said in it, and nothing that was typed is lost. */
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import { ApproveRest } from "@/features/batches/commands/ApproveRest";
import { DecideButtons } from "@/features/batches/commands/DecideButtons";
import { LogicSwitch } from "@/features/batches/commands/LogicSwitch";
import { RemoveDialog } from "@/features/batches/commands/RemoveDialog";
import { aBatch, draw, json, problem } from "@/test/render";

const TOTALS = {
  accounts: 10, market_value: "1.00", buys: 0, buys_value: "0.00", sells: 0, sells_value: "0.00", flats: 0, flats_value: "0.00",
  short_term: "0.00", long_term: "0.00", estimated: "0.00", no_basis_proceeds: "0.00", over_budget: 0, budget_unchecked: 0,
  non_taxable: 0, non_taxable_short_term: "0.00", non_taxable_long_term: "0.00", non_taxable_estimated: "0.00", failed: 0, removed: 0,
  wash_disallowed: "0.00", wash_permanent: "0.00", wash_unchecked: 0, wash_earlier: "0.00", wash_earlier_permanent: "0.00",
};

/** A server that lets everything be read, and refuses each command in this way. */
const COMPARISON = {
  logics: (["BEST_FIT", "MIN_TRANSACTION"] as const).map((logic) => ({ logic, is_available: true, unproposed: 0, totals: TOTALS, drift_value: "0.00", drift: "0", drift_unknown: 0 })),
};

function refusing(batch_id: number, refusal: () => Response) {
  const page = json({ batch: aBatch({ batch_id }), rows: [], total: 0, page: 1, size: 50, totals: TOTALS, filtered: TOTALS });
  vi.stubGlobal("fetch", (asked: unknown, init?: RequestInit) => {
    const path = asked instanceof Request ? asked.url : String(asked);
    if (init?.method === "POST") return Promise.resolve(refusal());
    return Promise.resolve(path.endsWith("/logics") ? json({ batch_id, version: 3, ...COMPARISON })() : page());
  });
}

const selection = { kind: "ids" as const, ids: ["A1", "A2"] };
const nothing = () => undefined;

/** What is drawn, the button that opens the dialog, the one that confirms, and whether a note can be typed. */
const COMMANDS: [string, (id: number) => React.ReactNode, string | null, string, boolean][] = [
  ["approve", (batch_id) => <DecideButtons batch={aBatch({ batch_id })} />, "Approve", "Approve 10", true],
  ["cancel", (batch_id) => <DecideButtons batch={aBatch({ batch_id })} />, "Cancel", "Cancel 10", true],
  ["approve the rest", (batch_id) => <ApproveRest batch={aBatch({ batch_id })} selection={selection} expected={2} onDone={nothing} />, "Remove 2 and approve the rest (8)", "Remove 2, approve 8", true],
  ["remove", (batch_id) => <RemoveDialog batch={aBatch({ batch_id })} selection={selection} expected={2} onDone={nothing} onClose={nothing} />, null, "Remove 2", false],
  ["switch the logic", (batch_id) => <LogicSwitch batch={aBatch({ batch_id })} />, "Min Transaction", "Use Min Transaction", false],
];

describe.each(COMMANDS)("a refused command: %s", (name, element, opens, confirms, hasNote) => {
  const open = async () => {
    if (opens !== null) await userEvent.click(screen.getByRole(name === "switch the logic" ? "radio" : "button", { name: opens }));
    const confirm = await screen.findByRole("button", { name: confirms });
    await vi.waitFor(() => expect(confirm).toBeEnabled());
    return confirm;
  };
  const number = 100 + COMMANDS.findIndex(([other]) => other === name);

  it("is said in its dialog, which stays with what was typed, and goes when it is tried again", async () => {
    const refusals = [problem(403, "forbidden"), problem(422, "bad_input")];
    refusing(number, () => (refusals.shift() ?? problem(503, "unavailable"))());
    draw(element(number));
    const confirm = await open();
    if (hasNote) await userEvent.type(screen.getByRole("textbox", { name: /Note/ }), "as the client asked");
    for (const code of ["forbidden", "bad_input", "unavailable"]) {
      await userEvent.click(confirm);
      const dialog = await screen.findByRole("dialog");
      expect(await within(dialog).findByText(`Detail of ${code}`)).toBeVisible();
      expect(within(dialog).getAllByRole("alert")).toHaveLength(1);
    }
    expect(screen.getAllByText("Detail of unavailable")).toHaveLength(1); // where the user looks, and nowhere else
    if (hasNote) expect(screen.getByRole("textbox", { name: /Note/ })).toHaveValue("as the client asked");
  });

  if (hasNote) it("as the request has changed, closes the dialog, says so, and keeps the note for the next one", async () => {
    refusing(number + 50, problem(412, "version_changed"));
    draw(element(number + 50));
    const confirm = await open();
    await userEvent.type(screen.getByRole("textbox", { name: /Note/ }), "as the client asked");
    await userEvent.click(confirm);
    expect(await screen.findByText("Detail of version_changed")).toBeVisible();
    await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await open();
    expect(screen.getByRole("textbox", { name: /Note/ })).toHaveValue("as the client asked");
  });
});
