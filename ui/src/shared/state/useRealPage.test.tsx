import { screen } from "@testing-library/react";
import { useState } from "react";
import { describe, expect, it } from "vitest";

import { useRealPage, type List } from "@/shared/state/useList";
import { draw } from "@/test/render";

function Example({ asked, total }: { asked: number; total: number | undefined }) {
  const [page, setPage] = useState(asked);
  const list: List = { search: {}, filter: { tiles: [], f: [], q: "" }, page, size: 50, change: (part) => setPage(part.page ?? 1) };
  const note = useRealPage(list, total);
  return <output>{`${String(page)} ${note ?? ""}`}</output>;
}

describe("a page that does not exist", () => {
  it.each([
    [99, 40, "1 There is no page 99: this is the last one."],
    [99, 0, "1 There is no page 99: this is the last one."],
    [3, 100, "2 There is no page 3: this is the last one."],
    [2, 100, "2"],
    [99, undefined, "99"],
  ])("page %s of %s rows", (asked, total, expected) => {
    draw(<Example asked={asked} total={total} />);
    expect(screen.getByRole("status").textContent.trim()).toBe(expected);
  });
});
