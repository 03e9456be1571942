/** One door to the server: query strings, CSRF, idempotency and versions, and problems turned into errors. */
import { problemFrom, unreachable } from "@/shared/api/problem";

export const BASE = "/api/v1";

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface Command {
  path: string;
  csrf: string;
  /** Same key, same command: a retry after a lost answer never acts twice. */
  key: string;
  /** Version of the batch that the user saw; sent as If-Match. */
  version?: number;
  body?: unknown;
}

/** Write `path?query`; lists become repeated keys, and what is undefined or empty is left out. */
export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === "") continue;
    if (typeof value === "string" || typeof value === "number") params.append(name, String(value));
    else for (const one of value) params.append(name, one);
  }
  const text = params.toString();
  return BASE + path + (text ? `?${text}` : "");
}

/** Fetch a resource. Raises ProblemError. */
export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return answer<T>(() => fetch(address(path, query), { signal, headers: { Accept: "application/json" } }));
}

/** Send a command. Raises ProblemError. */
export async function send<T>({ path, csrf, key, version, body }: Command): Promise<T> {
  const headers: Record<string, string> = {
    Accept: "application/json",
    "X-CSRF-Token": csrf,
    "Idempotency-Key": key,
  };
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return answer<T>(() =>
    fetch(BASE + path, { method: "POST", headers, body: body === undefined ? undefined : JSON.stringify(body) }),
  );
}

async function answer<T>(call: () => Promise<Response>): Promise<T> {
  let response: Response;
  try {
    response = await call();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
  const body: unknown = parsed(await response.text());
  if (!response.ok) throw problemFrom(response.status, body);
  return body as T;
}

/** Read JSON; a body that is none (a proxy's error page) is null and the status speaks for itself. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
