import { Text } from "@mantine/core";
import type { ReactNode } from "react";

import type { useLogics } from "@/features/batches/api/compareLogics";
import { OverBudgetTotal } from "@/features/batches/request/TotalsStrip";
import type { Logic, LogicEffect } from "@/shared/api/models";
import { count, MISSING, percent, plural, usd } from "@/shared/format/format";
import { logicNames } from "@/shared/format/names";
import { Amount, Gain } from "@/shared/ui/Amount";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

interface Line {
  name: string;
  cell: (effect: LogicEffect) => ReactNode;
  /** Shown only where one of the two has something to say. */
  isSaid?: (effect: LogicEffect) => boolean;
}

const LINES: readonly Line[] = [
  { name: "Short-term G&L", cell: ({ totals }) => <Amount value={totals.short_term} isGain /> },
  { name: "Long-term G&L", cell: ({ totals }) => <Amount value={totals.long_term} isGain /> },
  { name: "Estimated realized G&L", cell: ({ totals }) => <Gain value={totals.estimated} noBasis={totals.no_basis_proceeds} /> },
  {
    name: "The same, of non-taxable accounts",
    cell: ({ totals }) => <Gain value={totals.non_taxable_estimated} noBasis={totals.non_taxable_no_basis_proceeds} />,
    isSaid: ({ totals }) => totals.non_taxable > 0,
  },
  { name: "Orders", cell: ({ totals }) => count(totals.buys + totals.sells) },
  { name: "Market value of buys", cell: ({ totals }) => usd(totals.buys_value) },
  { name: "Market value of sells", cell: ({ totals }) => usd(totals.sells_value) },
  { name: "Drift left", cell: (effect) => <DriftLeft effect={effect} /> },
  { name: "Accounts over a gain budget", cell: ({ totals }) => <OverBudgetTotal totals={totals} /> },
  {
    name: "Accounts it proposes nothing for",
    cell: ({ unproposed }) => (unproposed > 0 ? <strong className="conflict">{count(unproposed)}</strong> : "0"),
    isSaid: ({ unproposed }) => unproposed > 0,
  },
];

interface Props {
  found: ReturnType<typeof useLogics>;
  /** The logic in force, and the one that was asked for. */
  now: Logic;
  asked: Logic;
}

/** What the request would do under the logic that is asked for, beside the one in force. */
export function LogicEffects({ found, now, asked }: Props) {
  if (found.isPending) return <Waiting what="what changes" />;
  if (!found.data) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const shown = [now, asked].map((logic) => found.data.logics.find((effect) => effect.logic === logic));
  const [before, after] = shown;
  if (!before || !after?.is_available) return <Text role="status">{unavailable(asked)}</Text>;
  const columns: readonly PlainColumn<Line>[] = [
    { header: plural(after.totals.accounts, "account"), cell: ({ name }) => name },
    { header: `${logicNames[now]} (in force)`, isNumber: true, cell: (line) => line.cell(before) },
    { header: logicNames[asked], isNumber: true, cell: (line) => line.cell(after) },
  ];
  const lines = LINES.filter(({ isSaid }) => !isSaid || isSaid(before) || isSaid(after));
  return (
    <>
      <PlainTable label={`${logicNames[now]} and ${logicNames[asked]}`} columns={columns} rows={lines} rowKey={({ name }) => name} />
      {after.unproposed > 0 && (
        <Text size="sm">
          {`${plural(after.unproposed, "account")} would become stale, as ${logicNames[asked]} proposes nothing for ${after.unproposed === 1 ? "it" : "them"}: remove ${after.unproposed === 1 ? "it" : "them"} before approval, or keep ${logicNames[now]}.`}
        </Text>
      )}
    </>
  );
}

/** Why a logic cannot be put in force. */
export function unavailable(logic: Logic): string {
  return `${logicNames[logic]} was not computed for every account of this request, so it cannot be put in force. Keep the trade logic that is in force.`;
}

function DriftLeft({ effect: { drift, drift_value, drift_unknown } }: { effect: LogicEffect }) {
  return (
    <span title="How far positions are from their targets after the trades: share of the accounts' value, and dollars. Cash is not in it.">
      {drift === null ? MISSING : percent(drift, 2)} {drift !== null && <span className="note under">{usd(drift_value)}</span>}
      {drift_unknown > 0 && <span className="note under">{plural(drift_unknown, "account")} not known</span>}
    </span>
  );
}
