import { Alert, Button } from "@mantine/core";
import { IconAlertTriangle, IconShieldCheck } from "@tabler/icons-react";
import { useState } from "react";

import { checkHistory, type Checked } from "@/features/batches/api/checkHistory";
import { count, plural } from "@/shared/format/format";
import { denied, useMe } from "@/shared/session/session";
import { Failure } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

type State = { kind: "idle" } | { kind: "busy"; checked: number } | { kind: "failed"; error: unknown } | { kind: "done"; results: readonly Checked[] };

/** Compares history with its chain of decisions, and says what was changed, is missing or was added. */
export function CheckHistory() {
  const me = useMe();
  const [state, setState] = useState<State>({ kind: "idle" });

  async function run() {
    setState({ kind: "busy", checked: 0 });
    try {
      const results: Checked[] = [];
      for (const enterprise of me.enterprises) {
        const before = results.reduce((sum, { checked }) => sum + checked, 0);
        results.push(await checkHistory(enterprise, me.csrf, (checked) => setState({ kind: "busy", checked: before + checked })));
      }
      setState({ kind: "done", results });
    } catch (error) {
      setState({ kind: "failed", error });
    }
  }

  const barred = denied(me, "history") ?? (me.advisors === null ? null : "History is checked as a whole, by somebody who sees all advisors.");
  return (
    <div className="check-history">
      <ReasonedButton size="xs" variant="default" barred={barred} loading={state.kind === "busy"} onClick={() => void run()}>
        Check history
      </ReasonedButton>
      <div role="status" aria-live="polite">
        {state.kind === "busy" && `${plural(state.checked, "decision")} checked so far`}
        {state.kind === "done" && state.results.map((result) => <Result key={result.enterprise} result={result} onClose={() => setState({ kind: "idle" })} />)}
      </div>
      {state.kind === "failed" && <Failure error={state.error} onRetry={() => void run()} />}
    </div>
  );
}

function Result({ result, onClose }: { result: Checked; onClose: () => void }) {
  const { enterprise, checked, before, findings, position, sha256 } = result;
  const isGood = findings.length === 0;
  return (
    <Alert
      mt="sm"
      color={isGood ? "green" : "red"}
      icon={isGood ? <IconShieldCheck aria-hidden /> : <IconAlertTriangle aria-hidden />}
      title={isGood ? `History of ${enterprise} is as it was decided` : `History of ${enterprise} differs from what was decided: ${plural(findings.length, "finding")}`}
    >
      {plural(checked, "decision")} checked{before > 0 && `, ${count(before)} of them from before the chain began`}.
      {position !== null && (
        <span className="note under">
          The last link is number {count(position)}, {sha256}.
        </span>
      )}
      {!isGood && (
        <>
          <ul>
            {findings.map(({ batch_id, sentence }, index) => (
              <li key={index}>
                {batch_id === null ? "The chain" : `Request ${batch_id}`}: {sentence}.
              </li>
            ))}
          </ul>
          Tell operations at once, and decide nothing that rests on these figures.
        </>
      )}
      <div className="alert-actions">
        <Button size="compact-sm" variant="default" onClick={onClose}>
          Close
        </Button>
      </div>
    </Alert>
  );
}
