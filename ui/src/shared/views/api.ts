import { useQuery } from "@tanstack/react-query";

import { get, type CommandRequest } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { SavedView, SavedViewList, ViewBody } from "@/shared/api/models";

/** The user's saved views of a list and those shared with the user; asked for once they are wanted. */
export function useViews(list: SavedView["list"], isWanted: boolean) {
  return useQuery({
    queryKey: [...keys.views, list],
    queryFn: ({ signal }) => get<SavedViewList>("/views", { list }, signal),
    enabled: isWanted,
  });
}

export const saveView = (body: ViewBody): CommandRequest => ({ path: "/views", body });

/** Replace name, sharing and content of the view as it was seen. */
export function changeView({ view_id, version, list, name, shared_with, content }: SavedView, change: Partial<ViewBody>): CommandRequest {
  return { path: `/views/${view_id}`, method: "PUT", version, body: { list, name, shared_with, content, ...change } };
}

export const deleteView = ({ view_id, version }: SavedView): CommandRequest => ({ path: `/views/${view_id}`, method: "DELETE", version });
