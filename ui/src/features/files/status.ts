import type { FileView } from "@/shared/api/models";

/** How often a load or an analysis that is under way is asked for. */
export const WORKING_MS = 1000;

export function isWorking(file: FileView): boolean {
  return file.status === "LOADING" || file.status === "LOADED";
}
