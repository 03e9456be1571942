import { useQuery } from "@tanstack/react-query";

import { WORKING_MS } from "@/features/files/status";
import { get, orNullIfAbsent } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { RunView } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";

/** The newest analysis of the whole book; null when none has run. */
export function useLatestRun() {
  const poll = usePoll();
  return useQuery({
    queryKey: keys.run,
    queryFn: ({ signal }) => orNullIfAbsent(get<RunView>("/runs/latest", {}, signal)),
    refetchInterval: (found) => (found.state.data?.finished_at === null ? WORKING_MS : poll),
  });
}
