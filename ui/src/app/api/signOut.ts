import { parsed } from "@/shared/api/client";
import { problemFrom } from "@/shared/api/problem";

/** End the session at the server and return where the issuer ends its own. Raises ProblemError. */
export async function signOut(csrf: string): Promise<string> {
  const response = await fetch("/auth/logout", { method: "POST", headers: { "X-CSRF-Token": csrf } });
  const body = parsed(await response.text());
  if (!response.ok && response.status !== 401) throw problemFrom(response.status, body);
  return hasLocation(body) ? body.location : "/";
}

function hasLocation(body: unknown): body is { location: string } {
  return typeof body === "object" && body !== null && "location" in body && typeof body.location === "string";
}
