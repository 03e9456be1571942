import { useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { Me } from "@/shared/api/models";
import { openMemory } from "@/shared/state/memory";

/** The signed-in user, read once a page load. Raises ProblemError with status 401 where nobody is signed in. */
export function useSignedIn() {
  return useQuery({ queryKey: keys.me, queryFn: ({ signal }) => readMe(signal), staleTime: Infinity });
}

/** The memory is the user's own before anything of the page is drawn. */
async function readMe(signal: AbortSignal): Promise<Me> {
  const me = await get<Me>("/me", {}, signal);
  openMemory(me.subject);
  return me;
}
