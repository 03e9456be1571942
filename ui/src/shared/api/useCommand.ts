import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { send, type Command, type CommandRequest } from "@/shared/api/client";
import { ProblemError } from "@/shared/api/problem";
import { useMe } from "@/shared/session/session";
import { forgetUnanswered, tellCommandFailure } from "@/shared/ui/Notes";

interface Options<T> {
  /** What became stale by it. */
  touches: readonly (readonly string[])[];
  /** What may have happened when no answer came, as a sentence: "Request 7 may have been approved." */
  perhaps: string;
  onDone: (result: T) => void;
  /** Handles a refusal and says so by true; others are shown as a message. */
  onRefused?: (problem: ProblemError) => boolean;
  /** The command is given in a dialog that stays open when it is refused: the refusal is shown there. */
  isInDialog?: boolean;
}

/** Send a command under one idempotency key, so that a second press or a retry acts once; new content, new key. */
export function useCommand<T>({ touches, perhaps, onDone, onRefused, isInDialog = false }: Options<T>) {
  const client = useQueryClient();
  const { csrf } = useMe();
  const [sent, setSent] = useState({ content: "", key: "" });
  const [refusal, setRefusal] = useState<ProblemError | null>(null);
  const refresh = () => Promise.all(touches.map((queryKey) => client.invalidateQueries({ queryKey })));

  const mutation = useMutation({
    networkMode: "always", // never kept back until the network returns: what was decided then may be wrong by now
    mutationFn: (command: Command) => send<T>(command),
    onSuccess: (result) => {
      setSent({ content: "", key: "" });
      forgetUnanswered();
      void refresh();
      onDone(result);
    },
    onError: (error) => {
      const problem = error instanceof ProblemError ? error : null;
      if (problem && problem.status >= 400 && problem.status < 500) setSent({ content: "", key: "" });
      if (problem?.outdated || problem?.unanswered) void refresh();
      if (problem && onRefused?.(problem)) return;
      if (isInDialog && problem && !problem.outdated && !problem.unanswered) setRefusal(problem);
      else tellCommandFailure(error, perhaps);
    },
  });

  function run(command: CommandRequest) {
    if (mutation.isPending) return;
    const content = JSON.stringify(command);
    const key = content === sent.content ? sent.key : crypto.randomUUID();
    setSent({ content, key });
    setRefusal(null);
    mutation.mutate({ ...command, csrf, key });
  }

  return { run, isBusy: mutation.isPending, refusal };
}
