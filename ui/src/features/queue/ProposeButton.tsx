import { Button, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { proposeBatch } from "@/features/queue/api/proposeBatch";
import { ProposeDialog, USUAL, type Terms } from "@/features/queue/ProposeDialog";
import { keys } from "@/shared/api/keys";
import type { CommandResult, ProposeBody } from "@/shared/api/models";
import type { ProblemError } from "@/shared/api/problem";
import { useCommand } from "@/shared/api/useCommand";
import { count, plural } from "@/shared/format/format";
import { body, type Selection } from "@/shared/selection/selection";
import { usePageAction } from "@/shared/keys/actions";
import { denied, useMe } from "@/shared/session/session";
import { Confirm } from "@/shared/ui/Confirm";
import { tell } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  selection: Selection;
  selected: number;
  /** What the button says; absent: how many are selected. */
  children?: string;
  /** Why nothing can be proposed, whatever is selected. */
  barred?: string | null;
  onProposed: () => void;
}

/** What the server asks before it proposes: the number has changed, or accounts without a target would be sold out. */
type Asking = { kind: "count"; now: number } | { kind: "liquidation"; now: number; others: number };

/** What is said about accounts without a target: nothing yet, sell out so many, or leave them out. */
type NoTarget = { kind: "ask" } | { kind: "liquidate"; accounts: number } | { kind: "leave out" };

interface Sent {
  number: number;
  noTarget: NoTarget;
  terms: Terms;
}

const LIQUIDATION = "liquidation_not_confirmed";

/** Make a batch of what is selected, of exactly the number that was seen. */
export function ProposeButton({ selection, selected, children, barred: why = null, onProposed }: Props) {
  const me = useMe();
  const [asking, setAsking] = useState<Asking | null>(null);
  const [sent, setSent] = useState<Sent>({ number: selected, noTarget: { kind: "ask" }, terms: USUAL });
  const [isChoosing, setChoosing] = useState(false);
  const command = useCommand<CommandResult>({
    touches: [keys.queue, keys.tiles, keys.batches, keys.account],
    isInDialog: isChoosing,
    perhaps: "The request may have been made; if so, it is on the tab Pending Approval.",
    onDone: (result) => {
      setAsking(null);
      setChoosing(false);
      onProposed();
      tell(`Proposing trades for ${plural(result.accounts, "account")}`, <RequestLink id={result.batch.batch_id} />);
    },
    onRefused: (problem) => {
      const question = questionOf(problem);
      setAsking(question);
      return question !== null;
    },
  });

  function propose(number: number, noTarget: NoTarget, terms: Terms) {
    setSent({ number, noTarget, terms });
    const content: ProposeBody = {
      selection: body(selection),
      expected_count: number,
      logic: terms.logic,
      label: terms.name.trim(),
      confirm_liquidation: noTarget.kind === "liquidate",
      expected_liquidations: noTarget.kind === "liquidate" ? noTarget.accounts : null,
      leave_out_no_target: noTarget.kind === "leave out",
    };
    command.run(proposeBatch(content));
  }

  const barred = denied(me, "trade") ?? why ?? (selected === 0 ? "Select at least one account." : null);
  usePageAction({ label: selected > 0 ? `Propose trades for ${plural(selected, "selected account")}` : "Propose trades", by: null, barred, run: () => propose(selected, { kind: "ask" }, USUAL) });
  const shared = { isBusy: command.isBusy, onClose: () => setAsking(null) };
  return (
    <>
      <ReasonedButton barred={barred} loading={command.isBusy} onClick={() => propose(selected, { kind: "ask" }, USUAL)}>
        {children ?? (selected > 0 ? `Propose trades for ${count(selected)}` : "Propose trades")}
      </ReasonedButton>
      <ReasonedButton variant="default" barred={barred} onClick={() => setChoosing(true)}>
        Propose with…
      </ReasonedButton>
      {isChoosing && (
        <ProposeDialog
          accounts={selected}
          isHidden={asking !== null}
          isBusy={command.isBusy}
          refusal={command.refusal}
          onClose={() => setChoosing(false)}
          onPropose={(terms) => propose(selected, { kind: "ask" }, terms)}
        />
      )}
      {asking?.kind === "liquidation" && (
        <Confirm
          title="Sell everything in accounts without a target?"
          confirm={`Sell out ${count(asking.now)} and propose`}
          isDanger
          other={asking.others > 0 ? { label: `Propose the other ${count(asking.others)}`, onClick: () => propose(asking.others, { kind: "leave out" }, sent.terms) } : undefined}
          {...shared}
          onConfirm={() => propose(asking.now + asking.others, { kind: "liquidate", accounts: asking.now }, sent.terms)}
        >
          {sent.noTarget.kind === "liquidate" && (
            <Text mb="sm" role="alert" fw={600}>
              You were asked about {plural(sent.noTarget.accounts, "account")}; meanwhile {plural(asking.now, "has", "have")} no target.
            </Text>
          )}
          <Text>
            {plural(asking.now, "selected account has", "selected accounts have")} no target. Without a target everything they hold is proposed for sale.{" "}
            {asking.others > 0 && `Left out, ${asking.now === 1 ? "it stays" : "they stay"} in the queue. `}Nothing has been proposed yet.
          </Text>
        </Confirm>
      )}
      {asking?.kind === "count" && (
        <Confirm
          title="The number of accounts has changed"
          confirm={`Use ${count(asking.now)}`}
          safe="Review again"
          isBarred={asking.now === 0}
          {...shared}
          onConfirm={() => propose(asking.now, sent.noTarget, sent.terms)}
        >
          <Text>
            You saw {plural(sent.number, "account")}
            {sent.noTarget.kind === "leave out" && " with a target"}; now {plural(asking.now, "account matches", "accounts match")}. Nothing has been proposed yet.
          </Text>
        </Confirm>
      )}
    </>
  );
}

function questionOf(problem: ProblemError): Asking | null {
  if (problem.count !== null) return { kind: "count", now: problem.count };
  const { count: without, others } = problem.extra;
  return problem.code === LIQUIDATION && typeof without === "number" && typeof others === "number" ? { kind: "liquidation", now: without, others } : null;
}

function RequestLink({ id }: { id: number }) {
  return (
    <Button component={Link} to={`/pending/${id}`} size="compact-sm" variant="default" mt={4}>
      Open request {id}
    </Button>
  );
}
