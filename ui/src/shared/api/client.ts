/** HTTP to the server: query strings, CSRF, idempotency and versions, time-outs, and problems turned into errors. */
import { doubt, heard } from "@/shared/api/connection";
import { COMMAND_MS, patiently, READ_MS } from "@/shared/api/patience";
import { isOurs, ProblemError, problemFrom, unreachable } from "@/shared/api/problem";
import { readTime } from "@/shared/api/serverTime";

export const BASE = "/api/v1";

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** What a command asks for, without who asks. */
export interface CommandRequest {
  path: string;
  /** POST unless said. */
  method?: "POST" | "PUT" | "DELETE";
  /** Version that the user saw of what is changed; sent as If-Match. */
  version?: number;
  body?: unknown;
}

export interface Command extends CommandRequest {
  csrf: string;
  /** Same key, same command: a retry after a lost response never acts twice. */
  key: string;
}

/** Write `path?query`; lists become repeated keys, and what is undefined or empty is left out. */
export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === "") continue;
    if (typeof value === "string" || typeof value === "number") params.append(name, String(value));
    else for (const item of value) params.append(name, item);
  }
  const text = params.toString();
  return BASE + path + (text ? `?${text}` : "");
}

/** Fetch a resource. Raises ProblemError. */
export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return patiently((stop) => received<T>(stop, () => fetch(address(path, query), { signal: stop, headers: { Accept: "application/json" } })), READ_MS, signal);
}

/** The resource, or null where the server says that it is not there (404). Raises ProblemError for everything else. */
export async function orNullIfAbsent<T>(resource: Promise<T>): Promise<T | null> {
  try {
    return await resource;
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null;
    throw error;
  }
}

/** Send a command. Raises ProblemError. */
export async function send<T>({ path, method = "POST", csrf, key, version, body }: Command): Promise<T> {
  const headers: Record<string, string> = {
    Accept: "application/json",
    "X-CSRF-Token": csrf,
    "Idempotency-Key": key,
  };
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const content = body === undefined ? undefined : JSON.stringify(body);
  const call = (stop: AbortSignal) => received<T>(stop, () => fetch(BASE + path, { method, headers, body: content, signal: stop }));
  return patiently(call, COMMAND_MS, undefined, true);
}

/** Read the whole answer. Whatever is no answer of this application (a proxy's error page, half a body) was not heard. */
async function received<T>(stop: AbortSignal, call: () => Promise<Response>): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await call();
    readTime(response);
    text = await response.text();
  } catch (error) {
    if (stop.aborted) throw error;
    doubt();
    throw unreachable();
  }
  const body: unknown = parsed(text);
  if (response.ok || isOurs(body)) heard();
  else doubt();
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
