import { screen } from "@testing-library/react";
import { RouterProvider } from "@tanstack/react-router";
import { describe, expect, it, vi } from "vitest";

import { buildRouter } from "@/app/router";
import { requestNumber } from "@/features/batches/request/NoSuchRequest";
import { ProblemError } from "@/shared/api/problem";
import { Failure, tellFailure } from "@/shared/ui/Notes";
import { aServer, draw, json } from "@/test/render";

vi.stubGlobal("EventSource", class extends EventTarget {
  close() {}
});

describe("an address that names no request", () => {
  it.each([
    ["/pending/abc", "Go to Pending Approval", "/pending"],
    ["/pending/7x/accounts/A1", "Go to Pending Approval", "/pending"],
    ["/history/1e3", "Go to History", "/history"],
    ["/history/-7/accounts/A1", "Go to History", "/history"],
  ])("%s ends in a page that says so, with the way to the list, and asks the server for no such thing", async (path, link, to) => {
    const server = aServer(json({ rows: [], total: 0 }));
    vi.stubGlobal("fetch", server.fetch);
    window.history.replaceState(null, "", path);
    draw(<RouterProvider router={buildRouter()} />);
    expect(await screen.findByRole("heading", { level: 1, name: `There is no request '${path.split("/")[2] ?? ""}'` })).toBeVisible();
    expect(screen.getByRole("link", { name: link })).toHaveAttribute("href", to);
    expect(server.calls.filter((call) => call.path.includes("/batches/"))).toEqual([]);
  });
  it.each([["7", 7], ["007", null], ["0", null], ["7.0", null], ["", null], ["NaN", null], ["9".repeat(16), null]])("%s: %s", (text, number) => {
    expect(requestNumber(text)).toBe(number);
  });
});

describe("a session that has ended", () => {
  const ended = new ProblemError(401, "not_signed_in", "Sign in first", "You are not signed in, or your session has ended. Sign in again.");
  const back = "/auth/login?return_to=%2Fpending%2F7%3Fpage%3D2";
  it("is told with the way to sign in, which leads back here", () => {
    window.history.replaceState(null, "", "/pending/7?page=2");
    draw(<Failure error={ended} />);
    expect(screen.getByRole("link", { name: "Sign in" })).toHaveAttribute("href", back);
  });
  it("is told so after a command too", async () => {
    window.history.replaceState(null, "", "/pending/7?page=2");
    draw(null);
    tellFailure(ended);
    expect(await screen.findByRole("link", { name: "Sign in" })).toHaveAttribute("href", back);
  });
});
