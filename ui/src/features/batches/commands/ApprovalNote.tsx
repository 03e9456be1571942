import { Alert, Text } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";

import type { BatchSummary } from "@/shared/api/models";
import { count, instant, plural, usd } from "@/shared/format/format";

/** What the approval of a request needs beside a role, who has approved it first, and what was noted when it was decided. */
export function ApprovalNote({ batch }: { batch: BatchSummary }) {
  const needs = sentences(batch);
  if (needs.length === 0 && !batch.first_approval && !batch.note) return null;
  if (batch.rules === null) {
    return (
      <Text mb="md" className="frozen">
        {batch.first_approval && <FirstApproval batch={batch} />}
        {batch.note && `${batch.first_approval ? " " : ""}Note of ${batch.decided_by ?? "the decision"}: “${batch.note}”`}
      </Text>
    );
  }
  return (
    <Alert mb="md" color="blue" icon={<IconUsers aria-hidden />} title="How this request is approved" role="status">
      {needs.join(" ")}
      {batch.first_approval && (
        <span className="note under">
          <FirstApproval batch={batch} />
        </span>
      )}
    </Alert>
  );
}

/** The rules of an open request as sentences, those that it meets first; none where a role is all that is needed. */
export function sentences({ rules, turnover, counts }: BatchSummary): string[] {
  if (!rules) return [];
  const found: string[] = [];
  if (rules.barred) found.push(rules.barred);
  else if (rules.approver_differs) found.push("Somebody else than the person who requested it must approve it.");
  const limits = [
    rules.two_above !== null && `its buys and sells (${usd(turnover)}) are above ${usd(rules.two_above)}`,
    rules.two_above_accounts !== null && `it has more than ${plural(rules.two_above_accounts, "account")} (${count(counts.proposed)})`,
  ].filter((limit) => limit !== false);
  if (rules.approvers > 1) found.push(`Two people must approve it: your enterprise asks for that where ${limits.join(", or ")}.`);
  if (rules.note_required) found.push("Every decision needs a note.");
  return found;
}

function FirstApproval({ batch: { first_approval: first, rules } }: { batch: BatchSummary }) {
  if (!first) return null;
  const note = first.note ? ` “${first.note}”` : "";
  if (first.stands) {
    return (
      <>
        {first.by} approved first, {instant(first.at)}.{note}
        {rules && " A second person must approve it."}
      </>
    );
  }
  return (
    <>
      {first.by} approved it at {instant(first.at)}, but the request has changed since: that approval no longer counts.{note}
    </>
  );
}
