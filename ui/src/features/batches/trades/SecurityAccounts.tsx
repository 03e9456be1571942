import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { useSecurityTrades } from "@/features/batches/api/listTrades";
import type { Shelf } from "@/features/batches/status";
import type { AccountTrade } from "@/shared/api/models";
import { price, quantity, usd } from "@/shared/format/format";
import { sideNames } from "@/shared/format/names";
import { Pager } from "@/shared/grid/Pager";
import type { Filter } from "@/shared/selection/selection";
import { SIZES, type ListSearch } from "@/shared/state/search";
import { Failure, Waiting } from "@/shared/ui/Notes";
import { PlainTable, type PlainColumn } from "@/shared/ui/PlainTable";

interface Props {
  batchId: number;
  securityId: string;
  shelf: Shelf;
  filter: Filter;
  search: ListSearch;
}

/** The accounts that trade a security, the largest value first, each a way to its page. */
export function SecurityAccounts({ batchId, securityId, shelf, filter, search }: Props) {
  const [page, setPage] = useState(1);
  const [size, setSize] = useState<number>(SIZES[0]);
  const found = useSecurityTrades(batchId, securityId, filter, page, size);
  if (found.isPending) return <Waiting what={`the accounts that trade ${securityId}`} />;
  if (!found.data) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const { rows, total } = found.data;
  const to = shelf === "open" ? ("/pending/$batchId/accounts/$accountId" as const) : ("/history/$batchId/accounts/$accountId" as const);
  const resize = (next: number) => {
    setSize(next);
    setPage(1);
  };
  const columns: readonly PlainColumn<AccountTrade>[] = [
    {
      header: "Account",
      cell: ({ account_id, account_number }) => (
        <Link to={to} params={{ batchId: String(batchId), accountId: account_id }} search={search}>
          {account_number}
        </Link>
      ),
    },
    { header: "Name", cell: ({ name }) => name },
    { header: "Side", cell: ({ side }) => sideNames[side] },
    { header: "Quantity", isNumber: true, cell: (trade) => quantity(trade.quantity) },
    { header: "Price", isNumber: true, cell: (trade) => price(trade.price) },
    { header: "Value", isNumber: true, cell: ({ value }) => usd(value, true) },
  ];
  return (
    <>
      <PlainTable label={`Accounts that trade ${securityId}`} columns={columns} rows={rows} rowKey={({ account_id }) => account_id} empty="No account trades it any more." />
      {total > SIZES[0] && <Pager page={page} size={size} total={total} onPage={setPage} onSize={resize} />}
    </>
  );
}
