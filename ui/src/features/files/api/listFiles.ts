import { useQuery } from "@tanstack/react-query";

import { isWorking, WORKING_MS } from "@/features/files/status";
import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { FileList } from "@/shared/api/models";
import { usePoll } from "@/shared/live/live";

/** Loads of custodian files, newest first; asked again each second while one is being worked on. */
export function useFiles() {
  const poll = usePoll();
  return useQuery({
    queryKey: keys.files,
    queryFn: ({ signal }) => get<FileList>("/files", {}, signal),
    refetchInterval: (found) => (found.state.data?.rows.some(isWorking) ? WORKING_MS : poll),
  });
}
