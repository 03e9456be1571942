import type { BatchAccountRow, Totals } from "@/shared/api/models";
import { plural, sign, usd } from "@/shared/format/format";
import { Amount } from "@/shared/ui/Amount";
import { Tag } from "@/shared/ui/Tag";

/** What wash sales disallow of an account's losses; a dash where it was not checked. */
export function Disallowed({ row, cents = false }: { row: BatchAccountRow; cents?: boolean }) {
  if (!row.taxable) return <span className="note">not taxed</span>;
  return (
    <span className="tags">
      {sign(row.wash_permanent) > 0 && <Tag tone="bad">Permanent {usd(row.wash_permanent, cents)}</Tag>}
      {sign(row.wash_disallowed) > 0 ? <Tag tone="warn">{usd(row.wash_disallowed, cents)}</Tag> : <Amount value={row.wash_disallowed} cents={cents} missing="not checked" />}
    </span>
  );
}

/** What an account's buys disallow of losses approved before; a dash where it was not checked. */
export function EarlierDisallowed({ row, cents = false }: { row: BatchAccountRow; cents?: boolean }) {
  return (
    <span className="tags">
      {sign(row.wash_earlier_permanent) > 0 && <Tag tone="bad">Permanent {usd(row.wash_earlier_permanent, cents)}</Tag>}
      {sign(row.wash_earlier) > 0 ? <Tag tone="warn">{usd(row.wash_earlier, cents)}</Tag> : <Amount value={row.wash_earlier} cents={cents} missing="not checked" />}
    </span>
  );
}

/** What buys disallow of losses approved before, over many accounts. */
export function EarlierTotal({ totals }: { totals: Totals }) {
  return (
    <>
      {usd(totals.wash_earlier)}
      {sign(totals.wash_earlier_permanent) > 0 && <span className="note"> {usd(totals.wash_earlier_permanent)} permanent</span>}
    </>
  );
}

/** The disallowed losses of many accounts, with how many were not checked. */
export function DisallowedTotal({ totals }: { totals: Totals }) {
  return (
    <>
      {usd(totals.wash_disallowed)}
      {sign(totals.wash_permanent) > 0 && <span className="note"> {usd(totals.wash_permanent)} permanent</span>}
      {totals.wash_unchecked > 0 && <span className="note"> {plural(totals.wash_unchecked, "account")} not checked</span>}
    </>
  );
}
