import { attentionMeanings, attentionNames, chosen, countOf, KINDS, toggled } from "@/features/batches/request/attention";
import type { BatchPage } from "@/shared/api/models";
import { count } from "@/shared/format/format";

interface Props {
  counts: BatchPage["attention"];
  f: readonly string[];
  onChange: (f: string[]) => void;
}

/** The exceptions of a request with their counts, which stay those of all its accounts; a click shows only them. */
export function AttentionChips({ counts, f, onChange }: Props) {
  const shown = chosen(f);
  const kinds = KINDS.filter((kind) => countOf(counts, kind) > 0 || shown.includes(kind));
  if (kinds.length === 0) return <p className="note">No account is over a gain budget, realises short-term gains, has a wash sale, an unknown cost basis or a large turnover, is stale or has failed.</p>;
  return (
    <div className="attention" role="group" aria-label="Accounts that ask for a look">
      {kinds.map((kind) => (
        <button key={kind} type="button" className="attention-chip" title={attentionMeanings[kind]} aria-pressed={shown.includes(kind)} onClick={() => onChange(toggled(f, kind))}>
          {attentionNames[kind]} <strong>{count(countOf(counts, kind))}</strong>
        </button>
      ))}
    </div>
  );
}
