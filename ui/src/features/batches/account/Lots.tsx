import { Title } from "@mantine/core";

import type { Proposal, SliceView, TransferView } from "@/shared/api/models";
import { day, quantity, usd } from "@/shared/format/format";
import { termNames } from "@/shared/format/words";
import { Amount } from "@/shared/ui/Amount";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

const SLICES: readonly PlainColumn<SliceView>[] = [
  { header: "Sleeve", cell: (slice) => slice.sleeve_id },
  { header: "Security", cell: (slice) => slice.security_id },
  { header: "Lot", cell: (slice) => slice.lot_id },
  { header: "Acquired", cell: (slice) => (slice.acquired ? day(slice.acquired) : "Not known") },
  { header: "Quantity", isNumber: true, cell: (slice) => quantity(slice.quantity) },
  { header: "Proceeds", isNumber: true, cell: (slice) => usd(slice.proceeds, true) },
  { header: "Cost basis", isNumber: true, cell: (slice) => <Amount value={slice.basis} cents missing="no cost basis" /> },
  { header: "Gain", isNumber: true, cell: (slice) => <Amount value={slice.gain} isGain cents missing="no cost basis" /> },
  { header: "Term", cell: (slice) => termNames[slice.term] },
  { header: "First long-term day", cell: (slice) => day(slice.first_long_term_day) },
];

const TRANSFERS: readonly PlainColumn<TransferView>[] = [
  { header: "Security", cell: (transfer) => transfer.security_id },
  { header: "From sleeve", cell: (transfer) => transfer.from_sleeve_id },
  { header: "To sleeve", cell: (transfer) => transfer.to_sleeve_id },
  { header: "Lot", cell: (transfer) => transfer.lot_id },
  { header: "Acquired", cell: (transfer) => (transfer.acquired ? day(transfer.acquired) : "Not known") },
  { header: "Quantity", isNumber: true, cell: (transfer) => quantity(transfer.quantity) },
  { header: "Cost basis", isNumber: true, cell: (transfer) => <Amount value={transfer.basis} cents missing="no cost basis" /> },
];

/** Lots that the sells relieve, and lots that move between sleeves and keep date and basis. */
export function Lots({ proposal }: { proposal: Proposal }) {
  return (
    <>
      <PlainTable
        label="Lots relieved"
        columns={SLICES}
        rows={proposal.slices}
        rowKey={(slice) => `${slice.sleeve_id} ${slice.security_id} ${slice.lot_id}`}
        empty="Nothing is sold to market, so no lot is relieved."
      />
      <Title order={2}>Transfers between sleeves</Title>
      <PlainTable
        label="Transfers between sleeves"
        columns={TRANSFERS}
        rows={proposal.transfers}
        rowKey={(transfer) => `${transfer.from_sleeve_id} ${transfer.to_sleeve_id} ${transfer.security_id} ${transfer.lot_id}`}
        empty="No lot moves between sleeves."
      />
    </>
  );
}
