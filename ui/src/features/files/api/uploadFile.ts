import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { address, parsed } from "@/shared/api/client";
import { connection, doubt, heard, watch } from "@/shared/api/connection";
import { keys } from "@/shared/api/keys";
import type { FileView } from "@/shared/api/models";
import { noResponse, problemFrom, unreachable, type ProblemError } from "@/shared/api/problem";
import { useMe } from "@/shared/session/session";

export interface Upload {
  name: string;
  /** Sent share, 0 to 100. */
  sent: number;
}

/** Longest wait for the next piece to be sent, or for the answer: the gateway gives the taking in of a file ten minutes. */
const PIECE_MS = 60_000;
const RESPONSE_MS = 620_000;

/** Send files as they are, one after another, and say how far each has come. */
export function useUpload(onRefused: (error: unknown, name: string) => void) {
  const client = useQueryClient();
  const { csrf } = useMe();
  const [upload, setUpload] = useState<Upload | null>(null);

  async function run(files: readonly File[]) {
    for (const file of files) {
      setUpload({ name: file.name, sent: 0 });
      try {
        await put(file, csrf, (sent) => setUpload({ name: file.name, sent }));
      } catch (error) {
        onRefused(error, file.name);
      }
      await client.invalidateQueries({ queryKey: keys.files });
    }
    setUpload(null);
  }

  return { upload, run };
}

function put(file: File, csrf: string, onSent: (sent: number) => void): Promise<FileView> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not report how much was sent
    request.open("POST", address("/files", { name: file.name }));
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.setRequestHeader("Idempotency-Key", crypto.randomUUID());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    let timer: number | undefined;
    const unwatch = watch(() => connection().lostAt !== null && end(unreachable()));
    const wait = (ms: number) => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        doubt();
        end(noResponse(ms));
      }, ms);
    };
    /** Stop waiting: without an answer whether the file was taken in is not known. */
    function end(error: ProblemError | null) {
      window.clearTimeout(timer);
      unwatch();
      if (error === null) return;
      reject(error);
      request.abort();
    }
    request.upload.onprogress = ({ loaded, total }) => {
      wait(loaded < total ? PIECE_MS : RESPONSE_MS);
      onSent(total > 0 ? (100 * loaded) / total : 0);
    };
    request.onerror = () => {
      doubt();
      end(unreachable());
    };
    request.onload = () => {
      end(null);
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) {
        heard();
        resolve(body as FileView);
      } else reject(problemFrom(request.status, body));
    };
    wait(PIECE_MS);
    request.send(file);
  });
}
