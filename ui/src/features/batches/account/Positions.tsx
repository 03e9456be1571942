import { Anchor } from "@mantine/core";

import type { PositionKey } from "@/features/batches/account/Lots";
import type { PositionView, Proposal } from "@/shared/api/models";
import { MISSING, percent, price, quantity, usd } from "@/shared/format/format";
import { isManaged, ROLES } from "@/shared/format/holdingRole";
import { Amount, Gain } from "@/shared/ui/Amount";
import { BandBar } from "@/shared/ui/BandBar";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

const bar = (position: PositionView, weight: string, when: string) => (
  <span className="with-bar">
    {percent(weight)}
    {isManaged(position) && <BandBar what={`${position.security_id} ${when}`} weight={weight} target={position.target} low={position.low} high={position.high} />}
  </span>
);

const columns = (onOpen: (position: PositionKey) => void): readonly PlainColumn<PositionView>[] => [
  { header: "Sleeve", cell: (position) => position.sleeve_id },
  { header: "Security", cell: (position) => position.security_id },
  { header: "Price", isNumber: true, cell: (position) => price(position.price) },
  { header: "Quantity before", isNumber: true, cell: (position) => quantity(position.quantity_before) },
  { header: "Quantity after", isNumber: true, cell: (position) => quantity(position.quantity_after) },
  { header: "Value before", isNumber: true, cell: (position) => usd(position.value_before, true) },
  { header: "Value after", isNumber: true, cell: (position) => usd(position.value_after, true) },
  { header: "Target", isNumber: true, cell: (position) => (isManaged(position) ? percent(position.target) : MISSING) },
  { header: "Band", isNumber: true, cell: (position) => (isManaged(position) ? `${percent(position.low)} to ${percent(position.high)}` : MISSING) },
  { header: "Weight before", isNumber: true, cell: (position) => bar(position, position.weight_before, "before") },
  { header: "Weight after", isNumber: true, cell: (position) => bar(position, position.weight_after, "after") },
  { header: "Treated as", cell: (position) => ROLES[position.role] },
  { header: "Short-term G&L", isNumber: true, cell: (position) => <Amount value={position.short_term} isGain cents missing="nothing sold" /> },
  { header: "Long-term G&L", isNumber: true, cell: (position) => <Amount value={position.long_term} isGain cents missing="nothing sold" /> },
  { header: "Estimated realized G&L", isNumber: true, cell: (position) => <Gain value={position.estimated} noBasis={position.no_basis_proceeds} cents /> },
  { header: "Lots", cell: (position) => position.estimated !== null && <LotsOf position={position} onOpen={onOpen} /> },
];

/** Opens the figures of a position down to the lots they come from. */
function LotsOf({ position, onOpen }: { position: PositionView; onOpen: (position: PositionKey) => void }) {
  return (
    <Anchor
      component="button"
      type="button"
      size="sm"
      aria-label={`Lots of ${position.security_id} in sleeve ${position.sleeve_id}`}
      onClick={() => onOpen({ sleeve: position.sleeve_id, security: position.security_id })}
    >
      Show lots
    </Anchor>
  );
}

/** Positions before and after against target, with the gain of what is sold. */
export function Positions({ proposal, onOpen }: { proposal: Proposal; onOpen: (position: PositionKey) => void }) {
  const equivalents = proposal.cash_equivalents;
  return (
    <>
      {equivalents !== "0.00" && <p className="note">Of its cash {usd(equivalents, true)} is in cash equivalents.</p>}
      <PlainTable label="Positions" columns={columns(onOpen)} rows={proposal.positions} isMuted={(position) => !isManaged(position)} rowKey={(position) => `${position.sleeve_id} ${position.security_id}`} empty="The account holds nothing and has no target." />
    </>
  );
}
