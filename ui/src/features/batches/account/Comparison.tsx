import { Title } from "@mantine/core";
import type { ReactNode } from "react";

import { compared } from "@/features/batches/account/compared";
import { Disallowed, EarlierDisallowed } from "@/features/batches/request/Disallowed";
import type { Logic, Proposal } from "@/shared/api/models";
import { compare, scaled } from "@/shared/format/decimal";
import { count, percent, plural, usd } from "@/shared/format/format";
import { isManaged } from "@/shared/format/holdingRole";
import { logicNames } from "@/shared/format/names";
import { Amount, Gain } from "@/shared/ui/Amount";
import { Tag } from "@/shared/ui/Tag";

const ROWS: readonly (readonly [string, (proposal: Proposal) => ReactNode])[] = [
  ["Market orders", ({ orders }) => count(orders.length)],
  ["Buys", ({ row }) => `${count(row.buys)} · ${usd(row.buys_value, true)}`],
  ["Sells", ({ row }) => `${count(row.sells)} · ${usd(row.sells_value, true)}`],
  ["Flat trades", ({ row }) => `${count(row.flats)} · ${usd(row.flats_value, true)}`],
  ["Beginning available cash", ({ row }) => <Amount value={row.begin_cash} cents />],
  ["Ending available cash", ({ row }) => <Amount value={row.end_cash} cents />],
  ["Short-term G&L", ({ row }) => <Amount value={row.short_term} isGain cents />],
  ["Long-term G&L", ({ row }) => <Amount value={row.long_term} isGain cents />],
  ["Term not known", ({ row }) => <Amount value={row.unknown_term} isGain cents missing="none" />],
  ["Estimated realized G&L", ({ row }) => <Gain value={row.estimated} noBasis={row.no_basis_proceeds} cents />],
  ["Losses disallowed by wash sales", ({ row }) => <Disallowed row={row} cents />],
  ["Earlier losses disallowed by buys", ({ row }) => <EarlierDisallowed row={row} cents />],
  ["Gains over its budget", ({ row }) => (row.excesses.length > 0 ? <Tag tone="bad">{usd(row.over_budget, true)}</Tag> : <Amount value={row.over_budget} cents missing="not checked" />)],
  ["Drift before", ({ drift_before }) => percent(drift_before, 2)],
  ["Drift after", ({ drift_after }) => percent(drift_after, 2)],
  ["Positions left outside band", ({ positions }) => plural(positions.filter(isOutside).length, "position")],
];

/** What each of the other logics would change, in a sentence. */
export function ComparisonSentences({ proposals, inForce }: { proposals: readonly Proposal[]; inForce: Logic }) {
  const ours = proposals.find(({ logic }) => logic === inForce);
  const others = proposals.filter(({ logic }) => logic !== inForce);
  if (!ours || others.length === 0) return null;
  return (
    <ul className="compared" aria-label={`Compared with ${logicNames[inForce]}`}>
      {others.map((other) => (
        <li key={other.logic}>{compared(other, ours)}</li>
      ))}
    </ul>
  );
}

/** The logics side by side. */
export function Comparison({ proposals, inForce }: { proposals: readonly Proposal[]; inForce: Logic }) {
  return (
    <section aria-label="Logics side by side" className="comparison">
      <Title order={2}>Tax and trades by logic</Title>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">Figure</th>
            {proposals.map((proposal) => (
              <th key={proposal.logic} scope="col" data-number="true">
                {logicNames[proposal.logic]} {proposal.logic === inForce && <Tag tone="good">In force</Tag>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ROWS.map(([name, cell]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {proposals.map((proposal) => (
                <td key={proposal.logic} data-number="true">
                  {cell(proposal)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Strictly beyond the band, whose edges are inside. What may not be traded is held to none. */
function isOutside({ weight_after, low, high, role }: Proposal["positions"][number]): boolean {
  const [after, from, to] = [weight_after, low, high].map(scaled);
  return isManaged({ role }) && !!after && !!from && !!to && (compare(after, from) < 0 || compare(after, to) > 0);
}
