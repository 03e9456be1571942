import { SegmentedControl, Text } from "@mantine/core";
import { useState } from "react";

import { useLogics } from "@/features/batches/api/compareLogics";
import { switchLogic } from "@/features/batches/api/switchLogic";
import { LogicEffects } from "@/features/batches/commands/LogicEffects";
import { changeBarred } from "@/features/batches/commands/rules";
import { keys } from "@/shared/api/keys";
import type { BatchSummary, CommandResult, Logic } from "@/shared/api/models";
import type { ProblemError } from "@/shared/api/problem";
import { useCommand } from "@/shared/api/useCommand";
import { plural } from "@/shared/format/format";
import { logicNames, logicSentences } from "@/shared/format/names";
import { useMe } from "@/shared/session/session";
import { Confirm } from "@/shared/ui/Confirm";
import { tell } from "@/shared/ui/Notes";

const OFFERED: readonly Logic[] = ["BEST_FIT", "MIN_TRANSACTION", "TAX_AWARE"];

/** The logic that was asked for, at the version of the request that was seen then. dropped: accounts whose edited trades it would drop, once that is known. */
interface Asked {
  logic: Logic;
  version: number;
  dropped: number;
}

/** Which logic's proposals are in force for the whole request. */
export function LogicSwitch({ batch }: { batch: BatchSummary }) {
  const me = useMe();
  const [asked, setAsked] = useState<Asked | null>(null);
  const command = useCommand<CommandResult>({
    touches: [keys.batches, keys.batch],
    isInDialog: true,
    perhaps: `The trade logic of request ${batch.batch_id} may have been changed.`,
    onDone: (result) => {
      setAsked(null);
      tell(`${logicNames[result.batch.logic]} is in force`, `Figures of request ${batch.batch_id} are those of this logic now.`);
    },
    onRefused: (problem) => {
      if (problem.code === "edits_dropped") {
        setAsked((now) => now && { ...now, dropped: Number(problem.extra.count) });
        return true;
      }
      if (problem.outdated) setAsked(null);
      return false;
    },
  });
  const barred = changeBarred(batch, me);
  return (
    <>
      <SegmentedControl
        aria-label="Trade logic"
        title={barred ?? undefined}
        size="xs"
        value={batch.logic}
        disabled={barred !== null}
        data={OFFERED.map((logic) => ({ value: logic, label: logicNames[logic] }))}
        onChange={(logic) => setAsked({ logic, version: batch.version, dropped: 0 })}
      />
      {asked && (
        <SwitchDialog
          batch={batch}
          asked={asked}
          isBusy={command.isBusy}
          refusal={command.refusal}
          onClose={() => setAsked(null)}
          onConfirm={() => command.run(switchLogic(batch.batch_id, asked.version, asked.logic, asked.dropped > 0))}
        />
      )}
    </>
  );
}

interface DialogProps {
  batch: BatchSummary;
  asked: Asked;
  isBusy: boolean;
  refusal: ProblemError | null;
  onClose: () => void;
  onConfirm: () => void;
}

/** What changes with the logic, before anything does. It can be confirmed once that is shown, or known not to be found out. */
function SwitchDialog({ batch, asked, isBusy, refusal, onClose, onConfirm }: DialogProps) {
  const found = useLogics(batch.batch_id, asked.version);
  const isBarred = found.isPending || (found.data !== undefined && !found.data.logics.some(({ logic, is_available }) => logic === asked.logic && is_available));
  return (
    <Confirm
      title={`Use ${logicNames[asked.logic]} for request ${batch.batch_id}?`}
      confirm={asked.dropped > 0 ? "Drop the edits and use it" : `Use ${logicNames[asked.logic]}`}
      safe={`Keep ${logicNames[batch.logic]}`}
      {...{ isBusy, isBarred, refusal, onClose, onConfirm }}
    >
      <Text mb="sm">{logicSentences[asked.logic]} Trades and gains of all accounts in this request change to this logic:</Text>
      <LogicEffects found={found} now={batch.logic} asked={asked.logic} />
      {asked.dropped > 0 && (
        <Text mt="sm" role="alert" fw={600}>
          {plural(asked.dropped, "account has", "accounts have")} edited trades. They are dropped, and {asked.dropped === 1 ? "it is" : "they are"} proposed again. Nothing has been
          changed yet.
        </Text>
      )}
    </Confirm>
  );
}
