import { send } from "@/shared/api/client";
import type { HistoryCheck } from "@/shared/api/models";

/** What a whole check of an enterprise's history has found. */
export interface Checked extends Pick<HistoryCheck, "checked" | "before" | "findings" | "position" | "sha256"> {
  enterprise: string;
}

/** Check history part after part. onPart: called with how many decisions were compared so far. Raises ProblemError. */
export async function checkHistory(enterprise: string, csrf: string, onPart: (checked: number) => void): Promise<Checked> {
  const found: Checked = { enterprise, checked: 0, before: 0, findings: [], position: null, sha256: null };
  let cursor: string | null = null;
  do {
    const part: HistoryCheck = await send<HistoryCheck>({
      path: "/history/check",
      csrf,
      key: crypto.randomUUID(),
      body: { enterprise_id: enterprise, cursor },
    });
    found.checked += part.checked;
    found.before += part.before;
    found.findings = [...found.findings, ...part.findings];
    found.position = part.position;
    found.sha256 = part.sha256;
    cursor = part.cursor;
    onPart(found.checked);
  } while (cursor !== null);
  return found;
}
