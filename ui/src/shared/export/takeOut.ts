import { address, get, type Query } from "@/shared/api/client";

export type Form = "csv" | "xlsx";

/**
 * Has the browser download a file, with its own progress. Whether the file can be made is asked first, so that a refusal is told
 * in words: of a download the browser would only say that it failed. Raises ProblemError.
 */
export async function takeOut(path: string, query: Query, format: Form): Promise<void> {
  await get<null>(path, { ...query, format, check: "true" });
  const link = document.createElement("a");
  link.href = address(path, { ...query, format });
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}
