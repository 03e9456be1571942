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
import { logicNames } from "@/shared/format/names";
import { useMe } from "@/shared/session/session";
import { Confirm } from "@/shared/ui/Confirm";
import { tell } from "@/shared/ui/Notes";

const OFFERED: readonly Logic[] = ["BEST_FIT", "MIN_TRANSACTION", "TAX_AWARE"];

/** What each logic does, in one sentence. */
const WHAT: Readonly<Record<Logic, string>> = {
  BEST_FIT: "Best Fit trades as close to target as it can.",
  MIN_TRANSACTION: "Min Transaction trades only what brings positions and cash back inside their bands.",
  TAX_AWARE: "Tax Aware trades as near to target as each account's gain limits allow; without limits it trades like Best Fit.",
};

/** The logic that was asked for, at the version of the request that was seen then. */
interface Asked {
  logic: Logic;
  version: number;
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
        onChange={(logic) => setAsked({ logic: logic, version: batch.version })}
      />
      {asked && (
        <SwitchDialog batch={batch} asked={asked} isBusy={command.isBusy} refusal={command.refusal} onClose={() => setAsked(null)} onConfirm={() => command.run(switchLogic(batch.batch_id, asked.version, asked.logic))} />
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
      confirm={`Use ${logicNames[asked.logic]}`}
      safe={`Keep ${logicNames[batch.logic]}`}
      {...{ isBusy, isBarred, refusal, onClose, onConfirm }}
    >
      <Text mb="sm">{WHAT[asked.logic]} Trades and gains of all accounts in this request change to this logic:</Text>
      <LogicEffects found={found} now={batch.logic} asked={asked.logic} />
    </Confirm>
  );
}
