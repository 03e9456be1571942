import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { PositionTable } from "@/features/batches/account/PositionTable";
import { aPosition, aProposal, draw } from "@/test/render";

it("the details of a position show its estimated realized gain, the sum of its terms", async () => {
  const sold = { short_term: "10.01", long_term: "-3.33", unknown_term: "7.07", estimated: "13.75", no_basis_proceeds: "0.00" };
  const proposal = aProposal({ positions: [aPosition("AAA", sold)] });
  draw(<PositionTable proposals={[proposal]} inForce="BEST_FIT" shown={proposal} />);
  expect(screen.queryByText("Estimated realized G&L")).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "AAA in sleeve APM: details and lots" }));
  expect(screen.getByText("Estimated realized G&L").parentElement).toHaveTextContent("$13.75 gain");
});
