import { Text, Title } from "@mantine/core";

import type { PickView, Proposal, SliceView, TransferView } from "@/shared/api/models";
import { day, plural, quantity, sign, usd } from "@/shared/format/format";
import { boughtNames, termNames } from "@/shared/format/names";
import { Amount } from "@/shared/ui/Amount";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";
import { Tag } from "@/shared/ui/Tag";

const SLICES: readonly PlainColumn<SliceView>[] = [
  { header: "Sleeve", cell: (slice) => slice.sleeve_id },
  { header: "Security", cell: (slice) => slice.security_id },
  { header: "Lot", cell: (slice) => slice.lot_id },
  { header: "Acquired", help: "The day of the purchase, and from when the term counts where that is another day", cell: (slice) => <Acquired slice={slice} /> },
  { header: "Quantity", isNumber: true, cell: (slice) => quantity(slice.quantity) },
  { header: "Proceeds", isNumber: true, cell: (slice) => usd(slice.proceeds, true) },
  { header: "Cost basis", isNumber: true, cell: (slice) => <Amount value={slice.basis} cents missing="no cost basis" /> },
  { header: "Gain", isNumber: true, cell: (slice) => <Amount value={slice.gain} isGain cents missing="no cost basis" /> },
  { header: "Term", cell: (slice) => <Term slice={slice} /> },
  { header: "First long-term day", cell: (slice) => day(slice.first_long_term_day) },
];

const PICKED: PlainColumn<SliceView> = {
  header: "Picked",
  help: "Units of the lot that the account picked: they leave before any other",
  isNumber: true,
  cell: (slice) => quantity(slice.picked),
};

const PICKS: readonly PlainColumn<PickView>[] = [
  { header: "Security", cell: (pick) => pick.security_id },
  { header: "Lot", cell: (pick) => pick.lot_id },
  { header: "Sleeve", cell: (pick) => pick.sleeve_id ?? "Wherever it stands" },
  { header: "Picked", isNumber: true, cell: (pick) => quantity(pick.quantity) },
  { header: "Sold", help: "Units of the pick that are sold to market", isNumber: true, cell: (pick) => quantity(pick.sold) },
];

const WASHES: PlainColumn<SliceView> = {
  header: "Wash sale",
  help: "Bought within 30 days of the trade date in the tax household: this part of the loss is disallowed",
  cell: (slice) => slice.washes.map((wash, index) => <Wash key={index} wash={wash} />),
};

const TRANSFERS: readonly PlainColumn<TransferView>[] = [
  { header: "Security", cell: (transfer) => transfer.security_id },
  { header: "From sleeve", cell: (transfer) => transfer.from_sleeve_id },
  { header: "To sleeve", cell: (transfer) => transfer.to_sleeve_id },
  { header: "Lot", cell: (transfer) => transfer.lot_id },
  { header: "Acquired", cell: (transfer) => (transfer.acquired ? day(transfer.acquired) : "Not known") },
  { header: "Quantity", isNumber: true, cell: (transfer) => quantity(transfer.quantity) },
  { header: "Cost basis", isNumber: true, cell: (transfer) => <Amount value={transfer.basis} cents missing="no cost basis" /> },
];

interface Props {
  proposal: Proposal;
  /** What was and was not checked for wash sales, in the server's words. */
  washNote: string;
}

/** Lots that are sold, and lots that move between sleeves and keep date and basis. */
export function Lots({ proposal, washNote }: Props) {
  const { picks } = proposal;
  return (
    <>
      <WashWarning proposal={proposal} note={washNote} />
      <SliceTable label="Lots sold" proposal={proposal} slices={proposal.slices} empty="Nothing is sold to market, so no lot is sold." />
      {picks.length > 0 && (
        <>
          <Title order={2}>Lots picked for sale</Title>
          <PlainTable label="Lots picked for sale" columns={PICKS} rows={picks} rowKey={(pick) => `${pick.security_id} ${pick.lot_id} ${pick.sleeve_id ?? ""}`} />
        </>
      )}
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

/** Some of the slices that a proposal sells; columns that none of them needs are left out. */
export function SliceTable({ label, proposal, slices, empty }: { label: string; proposal: Proposal; slices: readonly SliceView[]; empty: string }) {
  const hasWashes = slices.some(({ washes }) => washes.length > 0);
  return (
    <PlainTable
      label={label}
      columns={[...SLICES, ...(proposal.picks.length > 0 ? [PICKED] : []), ...(hasWashes ? [WASHES] : [])]}
      rows={slices}
      rowKey={(slice) => `${slice.sleeve_id} ${slice.security_id} ${slice.lot_id}`}
      empty={empty}
    />
  );
}

/** The term, and how soon a short-term gain turns long-term. */
function Acquired({ slice }: { slice: SliceView }) {
  return (
    <span className="tags">
      {slice.acquired ? day(slice.acquired) : "Not known"}
      {slice.holding_since && <Tag tone="info">holding since {day(slice.holding_since)}</Tag>}
    </span>
  );
}

function Term({ slice }: { slice: SliceView }) {
  const days = slice.days_to_long_term;
  return (
    <span className="tags">
      {termNames[slice.term]}
      {slice.term === "LONG" && !slice.first_long_term_day && <Tag tone="info">whatever the date</Tag>}
      {days !== null && <Tag tone="info">{plural(days, "day")} until long-term</Tag>}
    </span>
  );
}

function Wash({ wash }: { wash: SliceView["washes"][number] }) {
  return (
    <span className="under">
      <Tag tone={wash.permanent ? "bad" : "warn"}>{usd(wash.disallowed, true)} disallowed</Tag>{" "}
      {quantity(wash.quantity)} bought {day(wash.bought)} in {wash.account_number ?? "another account of the household"}
      {wash.lot_id ? `, lot ${wash.lot_id}` : `, ${boughtNames[wash.source]}`}
      {wash.permanent && ". IRA: the loss is permanent"}
    </span>
  );
}

/** What wash sales disallow of the losses, and of losses approved before; and what was checked. */
function WashWarning({ proposal, note }: { proposal: Proposal; note: string }) {
  const { row } = proposal;
  return (
    <div className="wash">
      {sign(row.wash_disallowed) > 0 && (
        <Text size="sm">
          <Tag tone="warn">Wash sale</Tag> {usd(row.wash_disallowed, true)} of the losses would be disallowed
          {sign(row.wash_permanent) > 0 && `, ${usd(row.wash_permanent, true)} of it for good by purchases in an IRA`}.
        </Text>
      )}
      {proposal.earlier_losses.map((loss, index) => (
        <Text size="sm" key={index}>
          <Tag tone={loss.permanent ? "bad" : "warn"}>Wash sale</Tag> Buying {quantity(loss.quantity)} {loss.security_id} disallows {usd(loss.disallowed, true)} of a loss approved before:{" "}
          {loss.account_number ? `account ${loss.account_number}, request ${loss.batch_id}` : "another account of the household"}, traded {day(loss.trade_date)}
          {loss.permanent && ". IRA: the loss is permanent"}.
        </Text>
      ))}
      <p className="note">{note}</p>
    </div>
  );
}
