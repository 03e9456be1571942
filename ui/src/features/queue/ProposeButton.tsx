import { Button, Checkbox, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { keys } from "@/shared/api/keys";
import type { CommandResult, ProposeBody } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { count, plural } from "@/shared/format/format";
import { body, type Selection } from "@/shared/selection/selection";
import { denied, useMe } from "@/shared/session/session";
import { Confirm } from "@/shared/ui/Confirm";
import { tell } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  selection: Selection;
  selected: number;
  /** Accounts without a target among those selected, as far as this page can know. */
  withoutTarget: number;
  onProposed: () => void;
}

type Asking = { kind: "liquidation" } | { kind: "count"; now: number; liquidate: boolean } | null;

/** Make a batch of what is selected; asks again when the number has changed or accounts have no target. */
export function ProposeButton({ selection, selected, withoutTarget, onProposed }: Props) {
  const me = useMe();
  const [asking, setAsking] = useState<Asking>(null);
  const [liquidate, setLiquidate] = useState(false);
  const command = useCommand<CommandResult>({
    touches: [keys.queue, keys.tiles, keys.batches],
    onDone: (result) => {
      setAsking(null);
      onProposed();
      tell(`Proposing trades for ${plural(result.accounts, "account")}`, <RequestLink id={result.batch.batch_id} />);
    },
    onRefused: (problem) => {
      if (problem.count === null) return false;
      setAsking({ kind: "count", now: problem.count, liquidate });
      return true;
    },
  });

  function propose(expected: number, confirmLiquidation: boolean) {
    const content: ProposeBody = {
      selection: body(selection),
      expected_count: expected,
      logic: "BEST_FIT",
      label: "",
      confirm_liquidation: confirmLiquidation,
    };
    command.run({ path: "/batches", body: content });
  }

  const barred = denied(me, "trade") ?? (selected === 0 ? "Select at least one account." : null);
  return (
    <>
      <ReasonedButton
        barred={barred}
        loading={command.isBusy}
        onClick={() => {
          setLiquidate(false);
          if (withoutTarget > 0) setAsking({ kind: "liquidation" });
          else propose(selected, false);
        }}
      >
        {selected > 0 ? `Propose trades for ${count(selected)}` : "Propose trades"}
      </ReasonedButton>
      {asking?.kind === "liquidation" && (
        <Confirm
          title="Accounts without a target"
          confirm={`Propose trades for ${count(selected)}`}
          isBusy={command.isBusy}
          onClose={() => setAsking(null)}
          onConfirm={() => propose(selected, liquidate)}
        >
          <Text mb="sm">
            {plural(withoutTarget, "selected account has", "selected accounts have")} no target. Without a target everything they hold would be sold. Unless you
            confirm that, they will fail with the reason and the others go on.
          </Text>
          <Checkbox label="Sell everything in the accounts without a target" checked={liquidate} onChange={(event) => setLiquidate(event.currentTarget.checked)} />
        </Confirm>
      )}
      {asking?.kind === "count" && (
        <Confirm
          title="The number of accounts has changed"
          confirm={`Use ${count(asking.now)}`}
          safe="Review again"
          isBusy={command.isBusy}
          isBarred={asking.now === 0}
          onClose={() => setAsking(null)}
          onConfirm={() => propose(asking.now, asking.liquidate)}
        >
          <Text>
            You saw {plural(selected, "account")}; now {plural(asking.now, "account matches", "accounts match")}. Nothing has been proposed yet.
          </Text>
        </Confirm>
      )}
    </>
  );
}

function RequestLink({ id }: { id: number }) {
  return (
    <Button component={Link} to={`/pending/${id}`} size="compact-sm" variant="default" mt={4}>
      Open request {id}
    </Button>
  );
}
