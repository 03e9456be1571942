import { useQuery } from "@tanstack/react-query";
import { act, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { get } from "@/shared/api/client";
import { heard } from "@/shared/api/connection";
import { ConnectionBanner } from "@/shared/live/ConnectionBanner";
import { LiveNote, LiveProvider } from "@/shared/live/live";
import { SILENCE_MS } from "@/shared/live/stream";
import { PROBE_MS } from "@/shared/live/watch";
import { Confirm } from "@/shared/ui/Confirm";
import { ReasonedButton } from "@/shared/ui/ReasonedButton";
import { draw, json } from "@/test/render";

class Source extends EventTarget {
  static readonly CLOSED = 2;
  static latest: Source;
  readyState = 1;
  constructor() {
    super();
    Source.latest = this;
  }
  close() {
    this.readyState = Source.CLOSED;
  }
}

const silence: typeof fetch = (_, init) =>
  new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError"))));
const broken: typeof fetch = () => Promise.reject(new TypeError("Failed to fetch"));

let figure = 1;
const answering: typeof fetch = () => Promise.resolve(json({ figure })());

function Figure() {
  const found = useQuery({ queryKey: ["figure"], queryFn: ({ signal }) => get<{ figure: number }>("/figure", {}, signal) });
  return <p>Figure {found.data?.figure}</p>;
}

async function open() {
  const pressed = vi.fn();
  draw(
    <LiveProvider>
      <ConnectionBanner />
      <LiveNote />
      <Figure />
      <ReasonedButton barred={null} onClick={pressed}>
        Approve
      </ReasonedButton>
      <Confirm title="Sure?" confirm="Approve 10" onConfirm={pressed} onClose={() => undefined}>
        All of them.
      </Confirm>
    </LiveProvider>,
  );
  await pass(0);
  act(() => void Source.latest.dispatchEvent(new Event("alive")));
  await pass(0);
  return pressed;
}

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const hidden = { hidden: true };
const banner = () => document.querySelector(".connection")?.textContent;

beforeEach(() => {
  figure = 1;
  vi.useFakeTimers({ now: new Date("2026-11-20T15:02:00Z") });
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("fetch", answering);
});
afterEach(() => {
  heard();
  vi.useRealTimers();
});

describe("a lost connection", () => {
  it.each([
    ["the server is frozen", silence, SILENCE_MS + PROBE_MS, () => undefined],
    ["a proxy breaks every connection", broken, SILENCE_MS, () => undefined],
    ["the browser goes offline", broken, 0, () => void window.dispatchEvent(new Event("offline"))],
  ])("is said in words with its time, bars commands, and ends by itself with what is shown fetched anew: %s", async (_, response, withinMs, begin) => {
    const pressed = await open();
    expect(screen.getByText("Live updates")).toBeInTheDocument();
    expect(screen.getByText("Figure 1")).toBeInTheDocument();
    vi.stubGlobal("fetch", response);
    act(begin);
    await pass(withinMs);
    expect(banner()).toMatch(/^Connection lost at \d+:02 [AP]M .+, figures may be old\. It is tried again by itself\./);
    expect(screen.getByText("Connection lost")).toBeInTheDocument();
    const button = screen.getByRole("button", { name: "Approve", ...hidden });
    expect(button).toHaveAttribute("aria-disabled", "true");
    expect(button).toHaveAccessibleDescription(/^Connection lost at .*: nothing can be sent until it is back\.$/);
    button.click();
    expect(screen.getByRole("button", { name: "Approve 10" })).toBeDisabled();
    expect(pressed).not.toHaveBeenCalled();

    figure = 2;
    vi.stubGlobal("fetch", answering);
    await pass(10_000);
    expect(screen.getByText("Figure 2")).toBeInTheDocument();
    expect(banner()).toContain("Connected again at");
    act(() => void Source.latest.dispatchEvent(new Event("alive")));
    expect(screen.getByText("Live updates")).toBeInTheDocument();
    expect(screen.getByRole("button", { name: "Approve 10" })).toBeEnabled();
    await pass(10_000);
    expect(banner()).toBe("");
  });

  it("is not claimed while the server answers, though the stream is silent", async () => {
    await open();
    await pass(SILENCE_MS + PROBE_MS);
    expect(banner()).toBe("");
    expect(screen.getByText("Checking every 5 seconds")).toBeInTheDocument();
  });
});
