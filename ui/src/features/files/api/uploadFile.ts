import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { address, parsed } from "@/shared/api/client";
import { keys } from "@/shared/api/keys";
import type { FileView } from "@/shared/api/models";
import { problemFrom, unreachable } from "@/shared/api/problem";
import { useMe } from "@/shared/session/session";

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
    const request = new XMLHttpRequest(); // fetch does not report how much was sent
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
