import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it } from "vitest";

import { Tiles } from "@/features/queue/Tiles";
import type { TileChoice, TileCounts } from "@/shared/api/models";
import { draw } from "@/test/render";

const COUNTS: TileCounts = {
  first_rebalance: 5,
  high_cash: 2884,
  low_cash: 0,
  position_drift: 12,
  no_target: 3,
  total: 2904,
  held: 0,
  settling: 0,
  in_batches: 0,
  last_analysis: null,
  analysed_accounts: null,
};
const NAMES = ["First Rebalance", "High Cash", "Low Cash", "Outside Tolerance", "No Target"];

function Example({ all }: { all?: TileCounts }) {
  const [chosen, setChosen] = useState<TileChoice[]>([]);
  return (
    <>
      <Tiles counts={COUNTS} all={all} chosen={chosen} onChange={setChosen} />
      <output>{chosen.join(" ")}</output>
    </>
  );
}

const tile = (name: string) => screen.getByRole("button", { name: new RegExp(`^${name}`) });
const numbers = () => NAMES.map((name) => tile(name).querySelector(".tile-count")?.textContent);
const chosen = () => screen.getByRole("status").textContent;

describe("tiles", () => {
  it("show their own numbers whatever is chosen, and none disables another", async () => {
    draw(<Example />);
    for (const name of NAMES) {
      await userEvent.click(tile(name));
      expect(numbers()).toEqual(["5", "2,884", "0", "12", "3"]);
      for (const other of NAMES) expect(tile(other)).toBeEnabled();
      expect(tile(name)).toHaveAttribute("aria-pressed", "true");
    }
  });

  it("are chosen one at a time by a press, and released by another", async () => {
    draw(<Example />);
    await userEvent.click(tile("High Cash"));
    await userEvent.click(tile("No Target"));
    expect(chosen()).toBe("NO_TARGET");
    await userEvent.click(tile("No Target"));
    expect(chosen()).toBe("");
  });

  it.each(["Control", "Shift", "Meta"])("are added and taken away with %s", async (key) => {
    const user = userEvent.setup();
    draw(<Example />);
    await user.click(tile("First Rebalance"));
    await user.keyboard(`{${key}>}`);
    await user.click(tile("High Cash"));
    expect(chosen()).toBe("FIRST_REBALANCE HIGH_CASH");
    await user.click(tile("First Rebalance"));
    await user.keyboard(`{/${key}}`);
    expect(chosen()).toBe("HIGH_CASH");
  });

  it.each(["{Control>}{Enter}{/Control}", "{Shift>} {/Shift}"])("are added by keyboard with %s", async (keys) => {
    const user = userEvent.setup();
    draw(<Example />);
    await user.click(tile("First Rebalance"));
    tile("High Cash").focus();
    await user.keyboard(keys);
    expect(chosen()).toBe("FIRST_REBALANCE HIGH_CASH");
    await user.keyboard("{Enter}");
    expect(chosen()).toBe("HIGH_CASH");
  });

  it("say of how many, under a filter", () => {
    draw(<Example all={{ ...COUNTS, high_cash: 4000 }} />);
    expect(tile("High Cash")).toHaveTextContent("2,884of 4,000 match the filters");
  });
});
