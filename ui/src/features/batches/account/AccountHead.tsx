import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { RemoveDialog } from "@/features/batches/commands/RemoveDialog";
import { changeBarred, rowBarred } from "@/features/batches/commands/rules";
import { isOpen, type Shelf } from "@/features/batches/status";
import { ResultCell } from "@/features/batches/request/columns";
import type { BatchAccountView } from "@/shared/api/models";
import { count, usd } from "@/shared/format/format";
import { useMe } from "@/shared/session/session";
import { PageHead } from "@/shared/ui/PageHead";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

/** Who the account is, the way to the next, and its removal. */
export function AccountHead({ view, shelf }: { view: BatchAccountView; shelf: Shelf }) {
  const { batch, account } = view;
  const me = useMe();
  const navigate = useNavigate();
  const [isAsking, setAsking] = useState(false);
  const isReview = shelf === "open" && isOpen(batch.status);
  const back = shelf === "open" ? `/pending/${batch.batch_id}` : `/history/${batch.batch_id}`;
  return (
    <PageHead
      title={`${account.account_number} ${account.name}`}
      aside={<ResultCell row={account} />}
      note={
        <>
          {count(view.position)} of {count(batch.accounts)} · value {usd(account.market_value, true)} · {account.taxable ? "taxable" : "not taxable"} ·{" "}
          <Link to="/accounts/$accountId" params={{ accountId: account.account_id }}>
            Account facts
          </Link>
        </>
      }
    >
      <Neighbour label="Previous account" back={back} id={view.previous_id} />
      <Neighbour label="Next account" back={back} id={view.next_id} />
      {isReview && (
        <ReasonedButton color="red" variant="outline" barred={rowBarred(batch, account) ?? changeBarred(batch, me)} onClick={() => setAsking(true)}>
          Remove from request
        </ReasonedButton>
      )}
      {isAsking && (
        <RemoveDialog
          batch={batch}
          selection={{ kind: "ids", ids: [account.account_id] }}
          expected={1}
          onDone={() => void navigate({ to: back })}
          onClose={() => setAsking(false)}
        />
      )}
    </PageHead>
  );
}

function Neighbour({ label, back, id }: { label: string; back: string; id: string | null }) {
  if (id === null) {
    return (
      <Button variant="default" disabled>
        {label}
      </Button>
    );
  }
  return (
    <Button variant="default" component={Link} to={`${back}/accounts/${id}`}>
      {label}
    </Button>
  );
}
