import type { ButtonProps } from "@mantine/core";
import { useState } from "react";

import { DecideDialog } from "@/features/batches/commands/DecideDialog";
import { decisionBarred, type Decision } from "@/features/batches/commands/rules";
import type { BatchSummary } from "@/shared/api/models";
import { usePageAction } from "@/shared/keys/actions";
import { useMe } from "@/shared/session/session";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  batch: BatchSummary;
  size?: ButtonProps["size"];
  /** Whether they are those of the page: keys and the list of Ctrl K reach them. */
  isOfPage?: boolean;
  /** Accounts that a filter hides now: decisions act on them too. */
  unseen?: number;
}

/** Approve and Cancel: they act on all accounts that remain, whatever filter is shown. */
export function DecideButtons({ batch, size, isOfPage = false, unseen = 0 }: Props) {
  const me = useMe();
  // The request as it was when the dialog opened: what the user decides on is what was displayed.
  const [asked, setAsked] = useState<{ decision: Decision; batch: BatchSummary } | null>(null);
  const ask = (decision: Decision) => setAsked({ decision, batch });
  const offer = (decision: Decision, label: string, by: "approve" | null) =>
    isOfPage ? { label: `${label} request ${batch.batch_id}`, by, barred: decisionBarred(batch, me, decision), run: () => ask(decision) } : null;
  usePageAction(offer("approve", "Approve", "approve"));
  usePageAction(offer("cancel", "Cancel", null));
  return (
    <>
      <ReasonedButton size={size} barred={decisionBarred(batch, me, "approve")} onClick={() => ask("approve")}>
        Approve
      </ReasonedButton>
      <ReasonedButton size={size} variant="default" barred={decisionBarred(batch, me, "cancel")} onClick={() => ask("cancel")}>
        Cancel
      </ReasonedButton>
      {asked && <DecideDialog {...asked} unseen={unseen} onClose={() => setAsked(null)} />}
    </>
  );
}
