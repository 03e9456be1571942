import { Anchor, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { DecideButtons } from "@/features/batches/commands/DecideButtons";
import { LogicSwitch } from "@/features/batches/commands/LogicSwitch";
import { DecideBy } from "@/features/batches/list/DecideBy";
import { Status } from "@/features/batches/list/Status";
import { isOpen, type Shelf } from "@/features/batches/status";
import { standing } from "@/features/batches/request/standing";
import type { BatchSummary } from "@/shared/api/models";
import { day, instant } from "@/shared/format/format";
import { logicNames } from "@/shared/format/names";
import { LiveNote } from "@/shared/live/live";
import { PageHead } from "@/shared/ui/PageHead";

interface Props {
  batch: BatchSummary;
  shelf: Shelf;
  selected: number;
  unseen: number;
  children: ReactNode;
}

/** Title of a request, and the decision on it: hidden while only part is selected, so that nobody thinks it acts on that part. */
export function RequestHead({ batch, shelf, selected, unseen, children }: Props) {
  const isReview = shelf === "open" && isOpen(batch.status);
  const isPart = selected > 0 && selected < batch.counts.proposed;
  return (
    <>
      <nav aria-label="Breadcrumb" className="breadcrumb">
        <Anchor component={Link} to={shelf === "open" ? "/pending" : "/history"} size="sm">
          {shelf === "open" ? "Pending Approval" : "History"}
        </Anchor>
      </nav>
      <PageHead
        title={`Request ${batch.batch_id}${batch.label ? `: ${batch.label}` : ""}`}
        aside={
          <Group gap="sm">
            <Status batch={batch} />
            {isReview && <LiveNote />}
          </Group>
        }
        note={<RequestNote batch={batch} />}
      >
        {isReview && <LogicSwitch batch={batch} />}
        {isReview && !isPart && <DecideButtons batch={batch} unseen={unseen} isOfPage />}
        {isReview && isPart && <Text size="sm">Approve and Cancel act on all accounts: clear the selection to use them.</Text>}
        {children}
      </PageHead>
      {!isReview && (
        <Text className="frozen" mb="md">
          Values as shown when it was decided{batch.decided_at ? `, ${instant(batch.decided_at)}` : ""}.
        </Text>
      )}
    </>
  );
}

function RequestNote({ batch }: { batch: BatchSummary }) {
  const remarks = [
    logicNames[batch.logic],
    `requested by ${batch.requested_by}, ${instant(batch.requested_at)}`,
    `trade date ${day(batch.session ?? batch.trade_date)}`,
    !isOpen(batch.status) && batch.decided_by ? `decided by ${batch.decided_by}` : "",
  ];
  return (
    <Text size="sm" component="div">
      <strong>{standing(batch)}</strong> · {remarks.filter(Boolean).join(" · ")}
      {isOpen(batch.status) && (
        <>
          {" · "}
          <span title="What is not decided by then is cancelled, and its accounts go back to the queue">
            decide by <DecideBy batch={batch} />
          </span>
        </>
      )}
    </Text>
  );
}
