import { useId } from "react";

import { PositionDetails } from "@/features/batches/account/PositionDetails";
import type { PositionView, Proposal, TradeView } from "@/shared/api/models";
import { MISSING, percent, quantity, sign, usd } from "@/shared/format/format";
import { isManaged } from "@/shared/format/holdingRole";
import { reasonNames, sideNames } from "@/shared/format/names";
import { Amount } from "@/shared/ui/Amount";
import { BandBar } from "@/shared/ui/BandBar";

export const keyOf = ({ sleeve_id, security_id }: { sleeve_id: string; security_id: string }) => `${sleeve_id} ${security_id}`;

interface RowProps {
  position: PositionView;
  proposals: readonly Proposal[];
  shown: Proposal;
  width: number;
  isOpen: boolean;
  onToggle: () => void;
}

/** A position, and what it opens in its place. */
export function PositionRows({ position, proposals, shown, width, isOpen, onToggle }: RowProps) {
  const details = useId();
  const key = keyOf(position);
  const trade = shown.trades.find((other) => keyOf(other) === key);
  return (
    <>
      <tr data-muted={!isManaged(position)}>
        <th scope="row">
          <button type="button" className="disclosure" aria-expanded={isOpen} aria-controls={details} aria-label={`${position.security_id} in sleeve ${position.sleeve_id}: details and lots`} onClick={onToggle}>
            <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {position.security_id}
          </button>
          <span className="note under">{position.sleeve_id}</span>
        </th>
        <td data-number="true">
          {isManaged(position) ? percent(position.target) : MISSING}
          {isManaged(position) && <span className="note under">{`${percent(position.low)} to ${percent(position.high)}`}</span>}
        </td>
        <td>
          {`${percent(position.weight_before)} → ${percent(position.weight_after)}`}
          {isManaged(position) && <BandBar what={position.security_id} before={position.weight_before} weight={position.weight_after} target={position.target} low={position.low} high={position.high} />}
        </td>
        <td>{trade ? <TradeCell trade={trade} /> : <span className="note">No trade</span>}</td>
        {proposals.map(({ logic, positions }) => (
          <Gains key={logic} of={positions.find((other) => keyOf(other) === key)} missing="nothing sold" />
        ))}
      </tr>
      <tr id={details} hidden={!isOpen}>
        {isOpen && (
          <td colSpan={width}>
            <PositionDetails position={position} trade={trade} proposal={shown} />
          </td>
        )}
      </tr>
    </>
  );
}

function TradeCell({ trade }: { trade: TradeView }) {
  return (
    <span title={trade.sentence}>
      {sideNames[trade.side]} {quantity(trade.quantity)}
      <span className="note under">
        {usd(trade.value, true)} · {reasonNames[trade.reason]}
      </span>
      {sign(trade.crossed) !== 0 && <span className="note under">{quantity(trade.crossed)} of it crossed inside</span>}
    </span>
  );
}

type Figures = Pick<PositionView, "short_term" | "long_term" | "unknown_term" | "no_basis_proceeds">;

/** Short-term and long-term gain, and beneath them what is known of neither term or has no cost basis. */
export function Gains({ of, missing }: { of: Figures | undefined; missing: string }) {
  return (
    <>
      <td data-number="true" className="of-logic">
        <Amount value={of?.short_term} isGain cents missing={missing} />
      </td>
      <td data-number="true">
        <Amount value={of?.long_term} isGain cents missing={missing} />
        {sign(of?.unknown_term) !== 0 && <span className="note under">{usd(of?.unknown_term, true)} of unknown term</span>}
        {sign(of?.no_basis_proceeds) !== 0 && <span className="note under">{usd(of?.no_basis_proceeds, true)} without cost basis</span>}
      </td>
    </>
  );
}
