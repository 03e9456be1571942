import { useState } from "react";

import { ApproveRest } from "@/features/batches/commands/ApproveRest";
import { RemoveDialog } from "@/features/batches/commands/RemoveDialog";
import { changeBarred } from "@/features/batches/commands/rules";
import type { BatchSummary } from "@/shared/api/models";
import { count } from "@/shared/format/format";
import { SelectionBar } from "@/shared/grid/SelectionBar";
import { usePageAction } from "@/shared/keys/actions";
import { allMatching, body, NOTHING, size, type Filter, type Selection } from "@/shared/selection/selection";
import { useMe } from "@/shared/session/session";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  batch: BatchSummary;
  selection: Selection;
  /** null while it is being counted. */
  matching: number | null;
  filter: Filter;
  onSelect: (selection: Selection) => void;
}

/** Selection of a request's accounts, and their removal. */
export function RequestBar({ batch, selection, matching, filter, onSelect }: Props) {
  const me = useMe();
  const [isAsking, setAsking] = useState(false);
  const selected = size(selection, matching) ?? 0;
  usePageAction({
    label: `Remove the selected accounts from request ${batch.batch_id}`,
    by: "remove",
    barred: changeBarred(batch, me) ?? (selected === 0 ? "Select at least one account: X selects the row with the focus." : null),
    run: () => setAsking(true),
  });
  return (
    <SelectionBar selection={selection} matching={matching} onAll={() => onSelect(allMatching(filter))} onNone={() => onSelect(NOTHING)}>
      {selected > 0 && (
        <ReasonedButton size="xs" color="red" variant="outline" barred={changeBarred(batch, me)} onClick={() => setAsking(true)}>
          Remove selected ({count(selected)})
        </ReasonedButton>
      )}
      {selected > 0 && selected < batch.counts.proposed && <ApproveRest batch={batch} selection={body(selection)} expected={selected} onDone={() => onSelect(NOTHING)} />}
      {isAsking && (
        <RemoveDialog batch={batch} selection={body(selection)} expected={selected} onDone={() => onSelect(NOTHING)} onClose={() => setAsking(false)} />
      )}
    </SelectionBar>
  );
}
