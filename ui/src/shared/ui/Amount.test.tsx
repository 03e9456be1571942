import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { Amount, Gain } from "@/shared/ui/Amount";
import { draw } from "@/test/render";

const text = (element: React.ReactNode) => {
  draw(<div data-testid="it">{element}</div>);
  return screen.getByTestId("it").textContent;
};

describe("gains and losses", () => {
  it("a loss stands in parentheses and is said", () => expect(text(<Amount value="-300.00" isGain />)).toBe("($300) loss"));
  it("a gain is said", () => expect(text(<Amount value="300.00" isGain cents />)).toBe("$300.00 gain"));
  it("zero is zero", () => expect(text(<Amount value="0.00" isGain />)).toBe("$0"));
  it("a missing value is a dash that says why", () => expect(text(<Amount value={null} missing="no cost basis" />)).toBe("–no cost basis"));
  it("an unknown basis is never $0", () => expect(text(<Gain value="0.00" noBasis="1200.00" />)).toBe("– no cost basis"));
  it("a known part stands beside proceeds without basis", () => {
    expect(text(<Gain value="-50.00" noBasis="1200.00" />)).toBe("($50) loss + $1,200 without cost basis");
  });
});
