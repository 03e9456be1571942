const UNKNOWN = "unknown";

/** A refusal of the server (application/problem+json), or the want of an answer. */
export class ProblemError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  /** Members beside the standard ones: `count` of count_changed, `version` of version_changed. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, title: string, detail: string, extra: Record<string, unknown> = {}) {
    super(detail);
    this.name = "ProblemError";
    this.status = status;
    this.code = code;
    this.title = title;
    this.extra = extra;
  }

  /** The new number of accounts, when the server refused because it is another than the user saw. */
  get count(): number | null {
    return (this.code === "count_changed" || this.code === "undo_barred") && typeof this.extra.count === "number" ? this.extra.count : null;
  }

  /** True when what the user looked at is no longer so: fetch again, then decide again. */
  get outdated(): boolean {
    return this.status === 409 || this.status === 412;
  }

  /** True when no answer came, so a command may have been carried out. */
  get unanswered(): boolean {
    return this.status === 0 || this.code === "outcome_unknown" || (this.status >= 500 && this.code === UNKNOWN);
  }
}

/** Whether to ask again by itself: after a fault of the server or when it said to wait, never after a refusal. */
export function isWorthRetrying(error: unknown): boolean {
  return !(error instanceof ProblemError && error.status >= 400 && error.status < 500 && error.status !== 429);
}

/** Milliseconds until the next try: what the server said (`retry_after_s`), else longer each time. */
export function retryDelayMs(failures: number, error: unknown): number {
  const said = error instanceof ProblemError ? error.extra.retry_after_s : undefined;
  return typeof said === "number" ? said * 1000 : Math.min(1000 * 2 ** failures, 30_000);
}

/** Build the error from an answer's body, whatever stands in it. */
export function problemFrom(status: number, body: unknown): ProblemError {
  const given = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string, otherwise: string) => (typeof given[name] === "string" ? given[name] : otherwise);
  const title = text("title", status >= 500 ? "The Rebalancer could not answer" : "The request was refused");
  const detail = text("detail", status >= 500 ? `Try again in a moment; if it goes on, tell the help desk that the answer was ${status}.` : `Load the page again; if it goes on, tell the help desk that the answer was ${status}.`);
  return new ProblemError(status, text("code", UNKNOWN), title, detail, given);
}

/** Whether a body is a problem of this application, not a page of something on the way. */
export function isOurs(body: unknown): boolean {
  return typeof body === "object" && body !== null && "code" in body && typeof body.code === "string";
}

export function unreachable(): ProblemError {
  return new ProblemError(0, "unreachable", "No connection to the Rebalancer", "What is shown may be old. Check your network; the page goes on by itself when the connection is back.");
}

export function noResponse(waitedMs: number): ProblemError {
  return new ProblemError(0, "no_answer", "The Rebalancer does not answer", `No answer came within ${Math.round(waitedMs / 1000)} seconds. What is shown may be old; try again in a moment.`);
}

/**
 * What to tell the user about a command that failed. Where no answer came: that it may have happened all the same (`perhaps`, a whole
 * sentence), and that trying again is safe, because it goes out under the same idempotency key or the version that was seen.
 */
export function explainCommand(error: unknown, perhaps: string): { title: string; detail: string } {
  if (!(error instanceof ProblemError && error.unanswered)) return explain(error);
  return { title: "We did not hear back", detail: `${perhaps} Look at its state before you go on: this page fetches it again. Trying again is safe, it is done only once.` };
}

/**
 * What to tell the user about any failure. After a fault of the server it names what finds the failure in the logs: the id of the
 * request's trace.
 */
export function explain(error: unknown): { title: string; detail: string } {
  if (error instanceof ProblemError) return { title: error.title, detail: error.message + reference(error) };
  return { title: "Something went wrong", detail: error instanceof Error ? error.message : String(error) };
}

function reference(error: ProblemError): string {
  const { instance } = error.extra;
  return error.status >= 500 && typeof instance === "string" && instance !== "" ? ` (Reference: ${instance})` : "";
}
