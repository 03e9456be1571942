/** Names of what is cached; a pushed event of a kind makes everything under its heads stale. */
import type { Pushed } from "@/shared/api/models";

export const keys = {
  me: ["me"] as const,
  queue: ["queue"] as const,
  tiles: ["tiles"] as const,
  found: ["found"] as const,
  account: ["account"] as const,
  batches: ["batches"] as const,
  batch: ["batch"] as const,
  run: ["run"] as const,
  files: ["files"] as const,
  views: ["views"] as const,
};

/** What becomes stale when accounts enter or leave a request. */
export const MEMBERSHIP = [keys.batches, keys.batch, keys.queue, keys.tiles, keys.found, keys.account] as const;

export const staleAfter: Readonly<Record<Pushed["kind"], readonly (readonly string[])[]>> = {
  batch: [keys.batches, keys.batch, keys.found, keys.account],
  queue: [keys.queue, keys.tiles, keys.found, keys.account],
  analysis: [keys.run, keys.tiles, keys.queue, keys.found, keys.account],
  file: [keys.files],
};
