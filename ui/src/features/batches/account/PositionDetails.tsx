import { Text } from "@mantine/core";

import { SliceTable } from "@/features/batches/account/Lots";
import type { PositionView, Proposal, TradeView } from "@/shared/api/models";
import { price, quantity, usd } from "@/shared/format/format";
import { ROLES } from "@/shared/format/holdingRole";
import { Gain } from "@/shared/ui/Amount";
import { Facts } from "@/shared/ui/Facts";

/** One position opened in its place: units and values, why it is traded, and the lots that leave. */
export function PositionDetails({ position, trade, proposal }: { position: PositionView; trade: TradeView | undefined; proposal: Proposal }) {
  const name = `${position.security_id} in sleeve ${position.sleeve_id}`;
  const slices = proposal.slices.filter(({ sleeve_id, security_id }) => sleeve_id === position.sleeve_id && security_id === position.security_id);
  return (
    <div className="position-details">
      {trade && <Text size="sm">{trade.sentence}</Text>}
      <Facts
        label={`Figures of ${name}`}
        items={[
          ["Price", price(position.price)],
          ["Quantity before", quantity(position.quantity_before)],
          ["Quantity after", quantity(position.quantity_after)],
          ["Value before", usd(position.value_before, true)],
          ["Value after", usd(position.value_after, true)],
          ["To market", quantity(trade?.market)],
          ["Crossed between sleeves", quantity(trade?.crossed)],
          ["Estimated realized G&L", <Gain key="gain" value={position.estimated} noBasis={position.no_basis_proceeds} cents />],
          ["Treated as", ROLES[position.role]],
        ]}
      />
      <SliceTable label={`Lots of ${name}`} proposal={proposal} slices={slices} empty="Nothing of it is sold to market, so no lot is sold." />
    </div>
  );
}
