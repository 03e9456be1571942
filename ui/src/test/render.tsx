import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";

import type { BatchAccountRow, BatchSummary, Me, PositionView, Proposal, SliceView } from "@/shared/api/models";
import { SessionContext } from "@/shared/session/session";

export const ME: Me = { subject: "u1", name: "Jo", roles: ["trader", "approver", "operator"], enterprises: ["E1"], advisors: null, csrf: "token" };

/** Draw something with what every page stands in. */
export function draw(element: ReactNode, me: Me = ME) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false, networkMode: "always" } } });
  return render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <SessionContext value={me}>
          <Notifications />
          {element}
        </SessionContext>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

/** An enterprise that asks for nothing beside a role. */
export const RULES: NonNullable<BatchSummary["rules"]> = {
  approver_differs: false, note_required: false, two_above: null, two_above_accounts: null, approvers: 1, barred: null,
};

/** A request of 10 accounts that waits for approval; name only what matters. */
export function aBatch(part: Partial<BatchSummary> = {}): BatchSummary {
  return {
    batch_id: 7,
    version: 3,
    label: "",
    enterprise_id: "E1",
    status: "PENDING_APPROVAL",
    reason: null,
    result: null,
    logic: "BEST_FIT",
    accounts: 10,
    only_account: null,
    counts: { working: 0, proposed: 10, failed: 0, removed: 0, approved: 0, cancelled: 0, stale: 0 },
    requested_by: "Jo",
    requested_at: "2026-11-20T15:00:00Z",
    decided_by: null,
    decided_at: null,
    note: null,
    first_approval: null,
    rules: RULES,
    trade_date: "2026-11-20",
    session: "2026-11-20",
    cancel_at: "2026-11-20T23:00:00Z",
    short_term: "0.00",
    long_term: "0.00",
    estimated: "0.00",
    turnover: "0.00",
    put_aside: null,
    part: null,
    execution: null,
    ...part,
  };
}

/** A long-term slice of ten AAA with a gain; name only what matters. */
export function aSlice(part: Partial<SliceView> = {}): SliceView {
  return {
    sleeve_id: "APM",
    security_id: "AAA",
    lot_id: "L1",
    acquired: "2020-01-02",
    holding_since: null,
    quantity: "10",
    picked: "0",
    proceeds: "1000.00",
    basis: "900.00",
    gain: "100.00",
    term: "LONG",
    first_long_term_day: "2021-01-03",
    days_to_long_term: null,
    washes: [],
    ...part,
  };
}

/** A position that is sold down to its target; name only what matters. */
export function aPosition(security_id: string, part: Partial<PositionView> = {}): PositionView {
  return {
    sleeve_id: "APM", security_id, price: "100", target: "0.05", low: "0.04", high: "0.06", quantity_before: "60", quantity_after: "50", value_before: "6000.00",
    value_after: "5000.00", weight_before: "0.06", weight_after: "0.05", short_term: null, long_term: null, unknown_term: null, estimated: null, no_basis_proceeds: null,
    role: "MANAGED", price_factor: "1", target_exact: "0.05", ...part,
  };
}

/** A Best Fit proposal that trades nothing; name only what matters, of it and of its summary. */
export function aProposal(part: Partial<Proposal> = {}, row: Partial<BatchAccountRow> = {}): Proposal {
  return { logic: "BEST_FIT", row: aRow(row), no_trade_reason: null, limit_reason: null, cash_equivalents: "0.00", drift_before: "0", drift_after: "0", positions: [], trades: [], orders: [], slices: [], picks: [], earlier_losses: [], transfers: [], ...part };
}

/** A proposed account without trades. */
export function aRow(part: Partial<BatchAccountRow> = {}): BatchAccountRow {
  const zero = "0.00";
  return {
    account_id: "A1",
    account_number: "0001",
    name: "One",
    advisor_id: "D1",
    state: "PROPOSED",
    stale: false,
    result: "",
    failure_code: null,
    taxable: true,
    market_value: zero,
    begin_cash: zero,
    end_cash: zero,
    buys: 0,
    buys_value: zero,
    sells: 0,
    sells_value: zero,
    flats: 0,
    flats_value: zero,
    short_term: zero,
    long_term: zero,
    estimated: zero,
    unknown_term: zero,
    no_basis_proceeds: zero,
    wash_disallowed: zero,
    wash_permanent: zero,
    wash_earlier: zero,
    wash_earlier_permanent: zero,
    over_budget: zero,
    excesses: [],
    edited_by: null,
    execution: null,
    ...part,
  };
}

export interface Call {
  path: string;
  headers: Headers;
  body: unknown;
}

/** A server that gives these responses in turn, and the requests it received. */
export function aServer(...responses: (() => Response | Promise<Response>)[]): { fetch: typeof fetch; calls: Call[] } {
  const calls: Call[] = [];
  return {
    calls,
    fetch: async (input, init) => {
      const request = new Request(new URL(input as string, "http://localhost"), init);
      const text = await request.text();
      calls.push({ path: new URL(request.url).pathname, headers: request.headers, body: text ? (JSON.parse(text) as unknown) : null });
      const response = responses[Math.min(calls.length, responses.length) - 1];
      if (!response) throw new Error("no response is left");
      return response();
    },
  };
}

export const json = (body: unknown, status = 200) => () => new Response(JSON.stringify(body), { status });

export const problem = (status: number, code: string, extra: Record<string, unknown> = {}) =>
  json({ type: `/problems/${code}`, title: `Title of ${code}`, status, detail: `Detail of ${code}`, code, ...extra }, status);
