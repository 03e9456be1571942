import { screen } from "@testing-library/react";
import axe from "axe-core";
import { describe, expect, it } from "vitest";

import { PutAsideNote, PutAsideNotes } from "@/features/batches/commands/PutAsideNote";
import { Status } from "@/features/batches/list/Status";
import { untilDue } from "@/features/batches/status";
import { instant } from "@/shared/format/format";
import { POLL_MS } from "@/shared/live/live";
import { aBatch, draw } from "@/test/render";

const ASIDE = { since: "2026-11-20T23:00:01Z", again_at: "2026-11-20T23:00:11Z", sentence: "It could not be cancelled; nothing is lost." };

describe("A request that is put aside", () => {
  it("says so in its status and in a notice: what happened, and when it is tried again", async () => {
    const batch = aBatch({ put_aside: ASIDE });
    const { container } = draw(
      <>
        <Status batch={batch} />
        <PutAsideNote batch={batch} />
      </>,
    );
    expect(screen.getByText("Put aside")).toBeVisible();
    const notice = screen.getByRole("status");
    expect(notice).toHaveAccessibleName("Request 7 is put aside");
    expect(notice).toHaveTextContent(ASIDE.sentence);
    expect(notice).toHaveTextContent(`Next try: ${instant(ASIDE.again_at)}`);
    const found = await axe.run(container, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
    expect(found.violations.map(({ id }) => id)).toEqual([]);
  });

  it("is not made up for others", () => {
    draw(
      <>
        <Status batch={aBatch()} />
        <PutAsideNotes batches={[aBatch()]} />
      </>,
    );
    expect(screen.queryByText("Put aside")).toBeNull();
    expect(screen.queryByRole("status")).toBeNull();
  });

  it("is told once of each, and of many not all at length", () => {
    draw(<PutAsideNotes batches={[1, 2, 3, 4, 5].map((batch_id) => aBatch({ batch_id, put_aside: ASIDE }))} />);
    expect(screen.getAllByRole("status")).toHaveLength(3);
    expect(screen.getByText("2 more requests are put aside, as the list shows.")).toBeInTheDocument();
  });

  it("is asked for when its day ends, though nothing is pushed then", () => {
    const now = Date.parse("2026-11-20T22:00:00Z");
    expect(untilDue([aBatch({ cancel_at: "2026-11-20T22:10:00Z" }), aBatch({ cancel_at: "2026-11-21T23:00:00Z" })], now)).toBe(600_000);
    expect(untilDue([aBatch({ cancel_at: "2026-11-20T21:00:00Z" })], now)).toBe(POLL_MS);
    expect(untilDue([aBatch({ status: "APPROVED" })], now)).toBe(false);
  });
});
