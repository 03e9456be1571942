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
  const title = text("title", status >= 500 ? "The server could not answer" : "The request was refused");
  const detail = text("detail", `The server answered with status ${status}. Try again in a moment.`);
  return new ProblemError(status, text("code", "unknown"), title, detail, given);
}

export function unreachable(): ProblemError {
  return new ProblemError(0, "unreachable", "No connection to the server", "Check the network, then try again.");
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
