import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { DecisionNotes } from "@/features/batches/commands/DecisionNotes";
import { AccountsOf } from "@/features/batches/list/AccountsOf";
import { Complete } from "@/features/batches/list/Complete";
import { DecideBy } from "@/features/batches/list/DecideBy";
import { Status } from "@/features/batches/list/Status";
import { timeLeft, until } from "@/shared/format/format";
import { serverNow } from "@/shared/api/serverTime";
import { aBatch, draw } from "@/test/render";

const text = (element: React.ReactNode) => {
  draw(<div data-testid="it">{element}</div>);
  return screen.getByTestId("it").textContent;
};
const counts = (part: Partial<ReturnType<typeof aBatch>["counts"]>) => ({ ...aBatch().counts, proposed: 0, ...part });

describe("how long a request can be decided", () => {
  it("stands with the time that is left", () => {
    const cancel_at = new Date(serverNow() + 7.5 * 3_600_000).toISOString();
    expect(text(<DecideBy batch={{ cancel_at }} />)).toBe(`${until(cancel_at, serverNow())} (7 h left)`);
  });
  it("stands out in the last hour", () => {
    const cancel_at = new Date(serverNow() + 30.5 * 60_000).toISOString();
    draw(<DecideBy batch={{ cancel_at }} />);
    expect(screen.getByText(timeLeft(cancel_at, serverNow()))).toHaveClass("tag");
  });
});

describe("what became of the accounts of a decided request", () => {
  it("are complete where it was approved", () => {
    expect(text(<Complete batch={aBatch({ status: "APPROVED", result: "Complete", accounts: 377, counts: counts({ approved: 294, removed: 82, failed: 1 }) })} />)).toBe("294");
  });
  it("were not traded where it was cancelled", () => {
    expect(text(<Complete batch={aBatch({ status: "CANCELLED", result: "Cancelled", accounts: 377, counts: counts({ cancelled: 294, removed: 82, failed: 1 }) })} />)).toBe("294Not traded");
  });
  it("are none where all failed", () => {
    expect(text(<Complete batch={aBatch({ status: "FAILED", result: "Failed", accounts: 2, counts: counts({ failed: 2 }) })} />)).toBe("0");
  });
});

describe("how many accounts a request has", () => {
  it("is their number", () => expect(text(<AccountsOf batch={aBatch({ accounts: 1234 })} />)).toBe("1,234"));
  it("is the one account", () => expect(text(<AccountsOf batch={aBatch({ accounts: 1, only_account: "00A1" })} />)).toBe("00A1"));
  it("is that of the part that one sees, and says so", () => {
    expect(text(<AccountsOf batch={aBatch({ accounts: 12, part: { sentence: "You see 12.", barred: "Ask Ann." } })} />)).toBe("12A part of it");
  });
});

describe("what stands above a request", () => {
  it("is that only a part of it is shown, and who decides", () => {
    draw(<DecisionNotes batch={aBatch({ part: { sentence: "You see 12 of the accounts of this request.", barred: "Ask Ann." } })} />);
    expect(screen.getByRole("status")).toHaveTextContent("You see a part of this requestYou see 12 of the accounts of this request.");
  });
});

describe("who ended a request", () => {
  it.each([
    ["USER", "Josephine Roe", "Cancelledby Josephine Roe"],
    ["END_OF_DAY", null, "Cancelledat the end of the day"],
    ["ALL_REMOVED", "Josephine Roe", "Cancelledall accounts were removed"],
    ["SOME_CODE", null, "Cancelled"],
  ])("%s: by name, never by a code", (reason, decided_by, said) => {
    expect(text(<Status batch={aBatch({ status: "CANCELLED", result: "Cancelled", reason, decided_by })} />)).toBe(said);
  });
});
