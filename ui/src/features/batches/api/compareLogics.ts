import { useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { LogicComparison } from "@/shared/api/models";

/** What a request would do under each trade logic, at the version that is asked about. */
export function useLogics(batchId: number, version: number) {
  return useQuery({
    queryKey: [...keys.batch, batchId, "logics", version],
    queryFn: ({ signal }) => get<LogicComparison>(`/batches/${batchId}/logics`, {}, signal),
  });
}
