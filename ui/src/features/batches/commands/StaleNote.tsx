import { Alert, Button } from "@mantine/core";
import { IconRefreshAlert } from "@tabler/icons-react";

import { reproposeAccounts } from "@/features/batches/api/reproposeAccounts";
import { changeBarred } from "@/features/batches/commands/rules";
import { keys } from "@/shared/api/keys";
import type { BatchSummary, CommandResult } from "@/shared/api/models";
import { useCommand } from "@/shared/api/useCommand";
import { plural } from "@/shared/format/format";
import { useMe } from "@/shared/session/session";
import { tell } from "@/shared/ui/Notes";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";

interface Props {
  batch: BatchSummary;
  /** Show only the stale ones; absent where there is just one account. */
  onShow?: () => void;
  /** One account and why it is stale; absent means all stale ones. */
  account?: { account_id: string; result: string };
}

/** Says that proposals are out of date, and lets them be made again. */
export function StaleNote({ batch, onShow, account }: Props) {
  const me = useMe();
  const command = useCommand<CommandResult>({
    touches: [keys.batches, keys.batch],
    perhaps: `Accounts of request ${batch.batch_id} may be proposed again already.`,
    onDone: (result) => tell("Proposing again", `${plural(result.accounts, "account")} of request ${batch.batch_id}.`),
  });
  const stale = account ? 1 : batch.counts.stale;
  if (stale === 0) return null;
  return (
    <Alert color="orange" mb="md" icon={<IconRefreshAlert aria-hidden />} title={`${plural(stale, "proposal is", "proposals are")} out of date`} role="status">
      {account?.result ||
        "Lots, targets, settings or holds have changed since, prices were withdrawn, or the logic in force could not propose. Propose again or remove before approving."}
      <div className="alert-actions">
        <ReasonedButton
          size="compact-sm"
          barred={changeBarred(batch, me)}
          loading={command.isBusy}
          onClick={() => command.run(reproposeAccounts(batch, account?.account_id))}
        >
          Propose again
        </ReasonedButton>
        {onShow && (
          <Button size="compact-sm" variant="default" onClick={onShow}>
            Show them
          </Button>
        )}
      </div>
    </Alert>
  );
}
