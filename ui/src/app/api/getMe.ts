import { useQuery } from "@tanstack/react-query";

import { get } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { Me } from "@/shared/api/models";

/** The signed-in user, read once a page load. Raises ProblemError with status 401 where nobody is signed in. */
export function useSignedIn() {
  return useQuery({ queryKey: keys.me, queryFn: ({ signal }) => get<Me>("/me", {}, signal), staleTime: Infinity });
}
