import { describe, expect, it } from "vitest";

import { evaluated, isEvaluated, noReason } from "@/features/account/evaluated";
import type { AccountView } from "@/shared/api/models";
import { stateNames } from "@/shared/format/names";

const STATES = Object.keys(stateNames) as AccountView["state"][];
const state = (name: AccountView["state"], tiles: AccountView["tiles"] = []) => ({ state: name, tiles });

describe("what an account's page says of its evaluation", () => {
  it.each(STATES.filter((name) => !isEvaluated({ state: name })))("never says that nothing is outside its band where it was not compared: %s", (name) => {
    for (const tiles of [[], ["FIRST_REBALANCE"]] satisfies AccountView["tiles"][]) {
      const said = `${evaluated({ state: name })} ${noReason(state(name, tiles))}`;
      expect(said).not.toMatch(/nothing (that may flag )?is outside/i);
      expect(said).toMatch(/Not evaluated|has no target/);
    }
  });

  it("knows each state", () => expect(STATES.filter((name) => isEvaluated({ state: name }))).toEqual(["CLEAR", "FLAGGED"]));

  it("says that nothing is outside only where it looked, and what it did not look at", () => {
    expect(noReason(state("CLEAR"))).toBe("Nothing is outside its band.");
    expect(noReason(state("FLAGGED", ["FIRST_REBALANCE"]))).toMatch(/has not been rebalanced/);
    expect(evaluated({ state: "CLEAR" })).toMatch(/locked or excluded is not compared/);
  });
});
