import { VisuallyHidden } from "@mantine/core";

import { PutBack } from "@/features/batches/commands/PutBack";
import type { BatchAccountRow } from "@/shared/api/models";
import { sign, usd } from "@/shared/format/format";
import { accountStates } from "@/shared/format/names";
import { Tag, type Tone } from "@/shared/ui/Tag";

const TONES: Readonly<Partial<Record<BatchAccountRow["state"], Tone>>> = { WORKING: "info", FAILED: "bad", REMOVED: "plain", CANCELLED: "plain" };

/** What is not as usual about an account: most are simply proposed, or complete, and say so to readers only. */
export function ResultCell({ row }: { row: BatchAccountRow }) {
  const tone = TONES[row.state];
  return (
    <span className="tags" title={row.result || undefined}>
      {tone ? <Tag tone={tone}>{accountStates[row.state]}</Tag> : row.state === "APPROVED" ? accountStates[row.state] : <VisuallyHidden>{accountStates[row.state]}</VisuallyHidden>}
      {row.edited_by !== null && row.state !== "REMOVED" && (
        <span title={`Trades edited by ${row.edited_by}`}>
          <Tag tone="info">Edited</Tag>
        </span>
      )}
      {row.stale && <Tag tone="warn">Stale</Tag>}
      {row.state !== "REMOVED" && <OverBudget row={row} />}
      {row.state !== "REMOVED" && sign(row.no_basis_proceeds) > 0 && <Tag tone="warn">No cost basis</Tag>}
      {row.result && <span className="note result-text">{row.result}</span>}
      <PutBack row={row} />
    </span>
  );
}

/** A gain limit that the proposal in force exceeds, with both figures; the account's page names every one. */
function OverBudget({ row }: { row: BatchAccountRow }) {
  const excess = row.excesses[0];
  if (!excess) return null;
  return (
    <span title={row.excesses.map(({ sentence }) => sentence).join(" ")}>
      <Tag tone="bad">{excess.limit === "NO_SHORT_TERM" ? `Short-term ${usd(excess.gains)}, none allowed` : `Over budget: ${usd(excess.gains)} of ${usd(excess.budget)}`}</Tag>
    </span>
  );
}
