import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { ApprovalNote, sentences } from "@/features/batches/commands/ApprovalNote";
import type { BatchSummary } from "@/shared/api/models";
import { aBatch, draw, RULES } from "@/test/render";

const rules = (part: Partial<NonNullable<BatchSummary["rules"]>>) => ({ ...RULES, ...part });
const FIRST = { by: "Ann", at: "2026-11-20T16:00:00Z", note: "sells are right", stands: true };

describe("What an approval needs", () => {
  it("is nothing to read where a role is enough", () => {
    draw(<ApprovalNote batch={aBatch()} />);
    expect(screen.queryByRole("status")).toBeNull();
  });

  it.each<[Parameters<typeof rules>[0], string]>([
    [{ approver_differs: true }, "Somebody else than the person who requested it must approve it."],
    [{ approver_differs: true, barred: "You requested it." }, "You requested it."],
    [{ note_required: true }, "Every decision needs a note."],
    [{ approvers: 2, two_above: "1500.00" }, "Two people must approve it: your enterprise asks for that where its buys and sells ($2,000) are above $1,500."],
    [{ approvers: 2, two_above_accounts: 9 }, "Two people must approve it: your enterprise asks for that where it has more than 9 accounts (10)."],
  ])("is said before one tries: %j", (part, said) => {
    expect(sentences(aBatch({ turnover: "2000.00", rules: rules(part) }))).toEqual([said]);
  });

  it("names who approved first, and whether that still counts", () => {
    const two = rules({ approvers: 2, two_above_accounts: 5 });
    const { unmount } = draw(<ApprovalNote batch={aBatch({ rules: two, first_approval: FIRST })} />);
    expect(screen.getByRole("status")).toHaveTextContent(/Ann approved first, .*“sells are right” A second person must approve it\./);
    unmount();
    draw(<ApprovalNote batch={aBatch({ rules: two, first_approval: { ...FIRST, stands: false } })} />);
    expect(screen.getByRole("status")).toHaveTextContent("the request has changed since: that approval no longer counts");
  });

  it("stays in history with the notes of both", () => {
    draw(<ApprovalNote batch={aBatch({ status: "APPROVED", decided_by: "Bob", note: "and the buys", rules: null, first_approval: FIRST })} />);
    expect(screen.getByText(/Ann approved first.*“sells are right” Note of Bob: “and the buys”/)).toBeInTheDocument();
  });
});
