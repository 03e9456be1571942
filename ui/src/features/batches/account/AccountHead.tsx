import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { listPage } from "@/features/batches/account/list";
import { RemoveDialog } from "@/features/batches/commands/RemoveDialog";
import { changeBarred, decisionBarred, rowBarred } from "@/features/batches/commands/rules";
import { isOpen, type Shelf } from "@/features/batches/status";
import { ResultCell } from "@/features/batches/request/ResultCell";
import type { BatchAccountView } from "@/shared/api/models";
import { count, usd } from "@/shared/format/format";
import { usePageAction } from "@/shared/keys/actions";
import { useMe } from "@/shared/session/session";
import type { ListSearch } from "@/shared/state/search";
import { PageHead } from "@/shared/ui/PageHead";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  view: BatchAccountView;
  shelf: Shelf;
  /** The list that the account was opened from: what is next is next in it. */
  list: ListSearch;
}

/** Who the account is, the way to the next of the list one came from, and its removal; stays in sight. */
export function AccountHead({ view, shelf, list }: Props) {
  const { batch, account, next_id: following } = view;
  const me = useMe();
  const navigate = useNavigate();
  const [isAsking, setAsking] = useState(false);
  const isReview = shelf === "open" && isOpen(batch.status);
  const isLast = batch.counts.proposed <= 1; // its removal cancels the request: there is nothing to go on to
  const goesOn = following !== null && !isLast;
  const back = shelf === "open" ? `/pending/${batch.batch_id}` : `/history/${batch.batch_id}`;
  const isFiltered = (list.f?.length ?? 0) > 0 || Boolean(list.q);
  const barred = rowBarred(batch, account) ?? changeBarred(batch, me);
  const offer = (label: string, by: "next" | "previous", id: string | null, none: string) => ({
    label, by, barred: id === null ? none : null, run: () => void navigate({ to: `${back}/accounts/${id ?? ""}`, search: list }),
  });
  usePageAction(offer("Next account", "next", following, "This is the last account of the list."));
  usePageAction(offer("Previous account", "previous", view.previous_id, "This is the first account of the list."));
  usePageAction(isReview ? { label: `Remove account ${account.account_number} from request ${batch.batch_id}`, by: "remove", barred, run: () => setAsking(true) } : null);
  // A request is approved where its totals stand; there the same key asks.
  const approvable = { label: `Go to request ${batch.batch_id} to approve it`, by: "approve" as const, barred: decisionBarred(batch, me, "approve") };
  usePageAction(isReview ? { ...approvable, run: () => void navigate({ to: back, search: listPage(list, view.position) }) } : null);
  return (
    <div className="sticky-head">
      <PageHead
        title={`${account.account_number} ${account.name}`}
        aside={<ResultCell row={account} />}
        note={
          <>
            {view.position === 0 ? "No longer in the list it was opened from" : `${count(view.position)} of ${count(view.listed)}`}
            {isFiltered && view.position > 0 && " that match the filter"} · value {usd(account.market_value, true)} · {account.taxable ? "taxable" : "not taxable"} ·{" "}
            <Link to="/accounts/$accountId" params={{ accountId: account.account_id }}>
              Account facts
            </Link>
          </>
        }
      >
        <Neighbour label="Previous account" back={back} id={view.previous_id} />
        <Neighbour label="Next account" back={back} id={following} />
        {isReview && (
          <ReasonedButton color="red" variant="outline" barred={barred} onClick={() => setAsking(true)}>
            Remove from request
          </ReasonedButton>
        )}
        {isAsking && (
          <RemoveDialog
            batch={batch}
            selection={{ kind: "ids", ids: [account.account_id] }}
            expected={1}
            confirm={goesOn ? "Remove and go on" : undefined}
            onDone={() => void navigate(goesOn ? { to: `${back}/accounts/${following}`, search: list } : { to: back, search: listPage(list, view.position) })}
            onClose={() => setAsking(false)}
          />
        )}
      </PageHead>
    </div>
  );
}

/** The way to another account of the same list, which stays in the address. */
function Neighbour({ label, back, id }: { label: string; back: string; id: string | null }) {
  if (id === null) {
    return (
      <Button variant="default" disabled>
        {label}
      </Button>
    );
  }
  return (
    <Button variant="default" component={Link} to={`${back}/accounts/${id}`} search>
      {label}
    </Button>
  );
}
