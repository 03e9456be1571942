import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { address, get, parsed } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { FileList, FileView, RunView } from "@/shared/api/models";
import { ProblemError, problemFrom, unreachable } from "@/shared/api/problem";
import { usePoll } from "@/shared/live/live";
import { useMe } from "@/shared/session/session";

const WORKING_MS = 1000;

/** Loads of custodian files, newest first; asked again each second while one is being worked on. */
export function useFiles() {
  const poll = usePoll();
  return useQuery({
    queryKey: keys.files,
    queryFn: ({ signal }) => get<FileList>("/files", {}, signal),
    refetchInterval: (found) => (found.state.data?.rows.some(isWorking) ? WORKING_MS : poll),
  });
}

/** One load with its problems. */
export function useFile(fileId: string) {
  return useQuery({
    queryKey: [...keys.files, fileId],
    queryFn: ({ signal }) => get<FileView>(`/files/${encodeURIComponent(fileId)}`, {}, signal),
  });
}

/** The newest analysis of the whole book; null when none has run. */
export function useLatestRun() {
  const poll = usePoll();
  return useQuery({
    queryKey: keys.run,
    queryFn: async ({ signal }) => {
      try {
        return await get<RunView>("/runs/latest", {}, signal);
      } catch (error) {
        if (error instanceof ProblemError && error.status === 404) return null;
        throw error;
      }
    },
    refetchInterval: (found) => (found.state.data?.finished_at === null ? WORKING_MS : poll),
  });
}

export function isWorking(file: FileView): boolean {
  return file.status === "LOADING" || file.status === "LOADED";
}

export interface Upload {
  name: string;
  /** Sent share, 0 to 100. */
  sent: number;
}

/** Send files as they are, one after another, and say how far each has come. */
export function useUpload(onRefused: (error: unknown) => void) {
  const client = useQueryClient();
  const { csrf } = useMe();
  const [upload, setUpload] = useState<Upload | null>(null);

  async function run(files: readonly File[]) {
    for (const file of files) {
      setUpload({ name: file.name, sent: 0 });
      try {
        await put(file, csrf, (sent) => setUpload({ name: file.name, sent }));
      } catch (error) {
        onRefused(error);
      }
      await client.invalidateQueries({ queryKey: keys.files });
    }
    setUpload(null);
  }

  return { upload, run };
}

function put(file: File, csrf: string, onSent: (sent: number) => void): Promise<FileView> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much was sent
    request.open("POST", address("/files", { name: file.name }));
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.setRequestHeader("Idempotency-Key", crypto.randomUUID());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = ({ loaded, total }) => onSent(total > 0 ? (100 * loaded) / total : 0);
    request.onerror = () => reject(unreachable());
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(body as FileView);
      else reject(problemFrom(request.status, body));
    };
    request.send(file);
  });
}
