import { useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { FileView } from "@/shared/api/models";

/** One load with its problems. */
export function useFile(fileId: string) {
  return useQuery({
    queryKey: [...keys.files, fileId],
    queryFn: ({ signal }) => get<FileView>(`/files/${encodeURIComponent(fileId)}`, {}, signal),
  });
}
