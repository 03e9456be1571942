import { Group, Loader, Progress, Text, Title } from "@mantine/core";

import { useLatestRun } from "@/features/files/api/getLatestRun";
import { startRun } from "@/features/files/api/startRun";
import { keys } from "@/shared/api/keys";
import type { RunView } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { count, day, instant, plural } from "@/shared/format/format";
import { denied, useMe } from "@/shared/session/session";
import { Failure, tell } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

/** Analysis of the whole book: the newest run, and the button for another. */
export function RunPanel() {
  const run = useLatestRun();
  const me = useMe();
  const command = useCommand<RunView>({
    touches: [keys.run],
    perhaps: "The analysis may have been started.",
    onDone: () => tell("Analysis started", "Accounts outside their bands will show on Accounts to Rebalance."),
  });
  const isRunning = run.data?.finished_at === null;
  return (
    <section aria-label="Analysis" className="panel">
      <Group justify="space-between" align="center">
        <div>
          <Title order={2}>Analysis</Title>
          {run.error ? <Failure error={run.error} onRetry={() => void run.refetch()} /> : <RunNote run={run.data} />}
        </div>
        <ReasonedButton
          barred={denied(me, "operate") ?? (isRunning ? "An analysis is running." : null)}
          loading={command.isBusy}
          onClick={() => command.run(startRun())}
        >
          Run analysis
        </ReasonedButton>
      </Group>
    </section>
  );
}

const KINDS: Record<RunView["kind"], string> = {
  DAILY: "Daily analysis",
  ON_DEMAND: "Analysis on demand",
  TARGET: "Analysis after a target change",
  PRICES: "Analysis after new prices",
};

function RunNote({ run }: { run: RunView | null | undefined }) {
  if (run === undefined) return <Text>Loading the last run</Text>;
  if (run === null) return <Text>No analysis has run yet.</Text>;
  if (run.finished_at === null) {
    return (
      <Group gap="xs" role="status">
        <Loader size={14} aria-hidden />
        <Text>
          Running: {count(run.accounts_done)} of {count(run.accounts)}
        </Text>
        <Progress.Root w={180}>
          <Progress.Section value={run.accounts === 0 ? 0 : (100 * run.accounts_done) / run.accounts} aria-label="Accounts analysed" />
        </Progress.Root>
      </Group>
    );
  }
  return (
    <Text role="status">
      {KINDS[run.kind]} of {day(run.business_date)}, finished {instant(run.finished_at)}: {plural(run.accounts, "account")} checked,{" "}
      {count(run.flagged)} flagged.
    </Text>
  );
}
