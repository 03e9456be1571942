import type { ReactNode } from "react";

export type Tone = "plain" | "info" | "warn" | "good" | "bad";

/** A short word with a colour that only repeats what the word says. */
export function Tag({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className="tag" data-tone={tone}>
      {children}
    </span>
  );
}
