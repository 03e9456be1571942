import { Fragment, useState } from "react";

import { Gains, keyOf, PositionRows } from "@/features/batches/account/PositionRows";
import type { Logic, Proposal } from "@/shared/api/models";
import { logicNames } from "@/shared/format/names";
import { Tag } from "@/shared/ui/Tag";

interface Props {
  proposals: readonly Proposal[];
  inForce: Logic;
  /** The logic whose trades and lots are shown. */
  shown: Proposal;
}

/** All positions on one screen: target, weight before and after, trade, and the gains under each logic, which add up to the account's. */
export function PositionTable({ proposals, inForce, shown }: Props) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const width = 4 + 2 * proposals.length;
  if (shown.positions.length === 0) return <p className="note">The account holds nothing and has no target.</p>;
  const toggle = (key: string) => setOpen((now) => (now.has(key) ? new Set([...now].filter((other) => other !== key)) : new Set([...now, key])));
  return (
    // A region that scrolls must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="plain-scroller" tabIndex={0} role="region" aria-label="Positions">
      <table className="plain position-table" aria-label="Positions">
        <thead>
          <tr>
            <th scope="col" rowSpan={2}>Position</th>
            <th scope="col" rowSpan={2} data-number="true">Target</th>
            <th scope="col" rowSpan={2} title="Ring: before the trades; dot: after them">Weight before → after</th>
            <th scope="col" rowSpan={2}>Trade ({logicNames[shown.logic]})</th>
            {proposals.map(({ logic }) => (
              <th key={logic} scope="colgroup" colSpan={2} className="of-logic">
                {logicNames[logic]} {logic === inForce && <Tag tone="good">In force</Tag>}
              </th>
            ))}
          </tr>
          <tr>
            {proposals.map(({ logic }) => (
              <Fragment key={logic}>
                <th scope="col" data-number="true" className="of-logic" title="Estimated realized short-term gain or loss">Short-term</th>
                <th scope="col" data-number="true" title="Estimated realized long-term gain or loss">Long-term</th>
              </Fragment>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.positions.map((position) => (
            <PositionRows key={keyOf(position)} position={position} proposals={proposals} shown={shown} width={width} isOpen={open.has(keyOf(position))} onToggle={() => toggle(keyOf(position))} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={4}>Account</th>
            {proposals.map(({ logic, row }) => (
              <Gains key={logic} of={row} missing="not proposed" />
            ))}
          </tr>
        </tfoot>
      </table>
    </div>
  );
}
