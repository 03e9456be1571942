// Made by `python -m deploy.ui_rules` from shared/contracts; not edited by hand.

/** Of each operation of the API: the roles that may use it. */
export const ROLES = {
  get_me: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  stream_events: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  list_queue: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  count_tiles: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  get_account: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  get_positions: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  list_batches: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  get_batch: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  list_batch_accounts: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  get_batch_account: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  check_history: ["approver", "auditor", "operator"],
  list_files: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  get_file: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  get_latest_run: ["admin", "approver", "auditor", "operator", "trader", "viewer"],
  propose_batch: ["trader"],
  remove_accounts: ["trader"],
  undo_removal: ["trader"],
  switch_logic: ["trader"],
  repropose_accounts: ["trader"],
  upload_file: ["operator"],
  start_run: ["operator"],
  approve_batch: ["approver"],
  approve_rest: ["approver"],
  cancel_batch: ["approver", "trader"],
} as const;

/** Of each field that the queue filters by: how its values are written. */
export const QUEUE_FIELD_KINDS = {
  account_number: "text",
  name: "text",
  market_value: "dollars",
  cash: "dollars",
  cash_weight: "fraction",
  cash_target: "fraction",
  max_drift: "fraction",
  drifted: "count",
  needed_since: "day",
  last_rebalanced: "day",
  custodian: "text",
  portfolio_id: "text",
  advisor_id: "text",
  enterprise_id: "text",
  source: "text",
} as const;

/** Of each field that a batch's accounts are filtered by: how its values are written. */
export const BATCH_FIELD_KINDS = {
  account_number: "text",
  name: "text",
  market_value: "dollars",
  begin_cash: "dollars",
  end_cash: "dollars",
  buys: "count",
  buys_value: "dollars",
  sells: "count",
  sells_value: "dollars",
  flats: "count",
  flats_value: "dollars",
  short_term: "dollars",
  long_term: "dollars",
  estimated: "dollars",
  unknown_term: "dollars",
  no_basis_proceeds: "dollars",
  wash_disallowed: "dollars",
  wash_permanent: "dollars",
  wash_earlier: "dollars",
  wash_earlier_permanent: "dollars",
  over_budget: "dollars",
  result: "text",
  execution: "text",
  taxable: "text",
  attention: "text",
  advisor_id: "text",
} as const;

/** Values of the field `result`. */
export const RESULTS = ["COMPLETE", "FAILED", "REMOVED", "STALE", "WORKING", "CANCELLED"] as const;

/** Values of the field `attention`. */
export const ATTENTION = ["OVER_BUDGET", "SHORT_TERM_GAIN", "WASH_SALE", "UNKNOWN_BASIS", "LARGE_TURNOVER", "STALE", "FAILED"] as const;

/** Buys and sells above so many percent of the value of an account are a large turnover. */
export const LARGE_TURNOVER_PERCENT = 25;
