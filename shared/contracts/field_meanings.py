"""What every field of a public or inbound event means, and what its objects are, for schemas and pages.

A name alone (`account_id`) stands for every model; `Model.field` goes before it; `Model` is an object inside an event.
A test refuses a field without a meaning and a meaning without a field.  Source: product 1 to 6, docs/glossary.md.
"""

from collections.abc import Mapping
from typing import Final

OBJECTS: Final[Mapping[str, str]] = {
    "AdvisorCounts": "What of an analysis concerns the accounts of one advisor.",
    "Component": "The weight of one security inside a model or sleeve.",
    "FilePart": "What of a file concerns the accounts of one advisor.",
    "FlagReason": "A component outside its rebalance band; without sleeve and security it is cash.",
    "HistoryHead": "The link of a decision in the chain of an enterprise's decisions: its last one then.",
    "LotInstruction": "Units of a lot that a sell order takes.",
    "LotPick": "Units of a lot that leave first when its security is sold.",
    "Order": "An order to market: one for each security of an account.",
    "PricePoint": "The price of one security.",
    "HoldingRoleSet": "How an account treats a security.",
    "SecurityRestriction": "What an account may not do with a security.",
    "Sleeve": "A separately managed part of a portfolio.",
    "SleeveAllocation": "How the units of an order fall to one sleeve.",
    "SleeveTransfer": "Units of a lot that move between two sleeves and never go to market.",
}

MEANINGS: Final[Mapping[str, str]] = {
    # whose it is
    "account_id": "the account, an id of the platform",
    "enterprise_id": "the enterprise whose it is",
    "advisor_id": "the advisor whose it is",
    "account_number": "the account's number at its custodian; leading zeros count",
    "custodian": "the custodian that keeps the securities",
    "security_id": "the security",
    "sleeve_id": "the sleeve of the account",
    "lot_id": "the lot, by the id of the custodial file",
    "version": "counter of this key: the highest counts; gaps mean nothing",
    "name": "name for people",
    # AccountFlag
    "AccountFlag.version": "number of the flag: of one account the highest counts; gaps mean nothing",
    "AccountFlag.state": "`FLAGGED` or `NO_TARGET`: in the queue; `CLEAR`: nothing to do; `HELD`: its data is wrong;"
    " `SETTLING`: orders are sent and the file with the fills is not here; `OFF`: the rebalancer is off",
    "AccountFlag.tiles": "the queues it is in; empty unless `FLAGGED`",
    "AccountFlag.source": "what brought it into the queue; there while `needed_since` is",
    "AccountFlag.needed_since": "business date of the first flag since it was last not flagged",
    "AccountFlag.last_rebalanced": "business date of its last approval since the rebalancer was last turned on",
    "AccountFlag.market_value": "dollars: positions at market, and cash less set-aside cash; absent if it is not above"
    " 0 or cannot be valued",
    "AccountFlag.reasons": "the components that triggered, with weight, target and band",
    "AccountFlag.hold": "a sentence that says why the account is held; there if `HELD`",
    "FlagReason.sleeve_id": "its sleeve; absent for cash",
    "FlagReason.security_id": "its security; absent for cash",
    "FlagReason.weight": "present share of the account's value; may be negative for cash",
    "FlagReason.target": "share of the account's value that it should have",
    "FlagReason.low": "lower edge of its band, a fraction with 18 decimals; the edge is inside",
    "FlagReason.high": "upper edge of its band, a fraction with 18 decimals; the edge is inside",
    # AccountStateChanged
    "AccountStateChanged.version": "rises by one with every change: of one account the highest counts",
    "AccountStateChanged.state": "`QUEUED`: flagged and in no batch; `IN_BATCH`: in a batch that is not decided;"
    " `SETTLING`: approved, and the file with the fills is not here; `HELD`: its data is wrong; `OFF`: the rebalancer"
    " is off; `CLEAR`: nothing to do",
    "AccountStateChanged.batch_id": "the batch; there if `IN_BATCH`",
    "batch_status": "of that batch, `WORKING`: proposals are made; `PENDING_APPROVAL`: all are in; there if `IN_BATCH`",
    "since": "when it was seen to be so; not before the change itself, and rarely more than seconds after it",
    # BatchChanged
    "batch_id": "the batch",
    "BatchChanged.enterprise_id": "the first of `enterprise_ids`",
    "BatchChanged.enterprise_ids": "the enterprises whose accounts are in it; empty in events of early releases",
    "BatchChanged.advisor_ids": "the advisors whose accounts are in it; only who may see all of them may see the batch",
    "BatchChanged.version": "rises by one with every change of what is shown: of one batch the highest counts",
    "BatchChanged.status": "`WORKING`: proposals are made; `PENDING_APPROVAL`: all are in; the others are its end",
    "BatchChanged.reason": "why it ended without approval: `USER`, `END_OF_DAY`, `ALL_REMOVED`, `ALL_FAILED`",
    "BatchChanged.logic": "the trade logic that it shows and that an approval sends",
    "BatchChanged.accounts": "accounts that went into it",
    "BatchChanged.working": "accounts whose proposal is not here yet",
    "BatchChanged.proposed": "accounts with a proposal; after the approval those that were approved",
    "BatchChanged.failed": "accounts that cannot be proposed",
    "BatchChanged.removed": "accounts that a user took out",
    "BatchChanged.requested_by": "the user who asked for it, as the sign-in names them",
    "BatchChanged.decided_by": "the user who ended it; `system` where nobody did; absent while it is open",
    "requested_at": "when it was asked for; absent in events of early releases",
    "cancel_at": "the cut-off of `trade_date`: if nobody has decided by then, it is cancelled; absent in events of"
    " early releases",
    "decided_at": "when it ended; absent while it is open, and in events of early releases",
    "decision_sha256": "SHA-256, in hex, of the document that is kept of the decision for ever: who decided, and every"
    " account with its figures as they were shown; absent while it is open, and in events of early releases",
    "history": "of a decided batch: its link in the chain of decisions of each of its enterprises, which was the last"
    " one then; absent while it is open, and in events of early releases",
    "HistoryHead.enterprise_id": "whose chain",
    "HistoryHead.position": "number of the link: 1 is the first, each decision adds one",
    "HistoryHead.sha256": "SHA-256, in hex, of the link before it and of `decision_sha256`, both as 32 bytes; before"
    " the first link stands the SHA-256 of `history of ` and the enterprise",
    "first_approved_by": "where two people must approve: the user who approved first, as the sign-in names them; absent"
    " while nobody has, once the batch has changed since, and where one is enough",
    "trade_date": "business date of the batch, until whose cut-off it may be decided",
    # OrdersReleased
    "OrdersReleased.version": "number of this approval of the account; rises by one with each",
    "OrdersReleased.trade_date": "the session on which its orders are to be traded: the first whose close, on half days"
    " too, lies after the approval; in events without `business_date` that of the batch",
    "OrdersReleased.business_date": "business date of the batch; before `trade_date` if it was approved after the"
    " close; absent in events of early releases",
    "OrdersReleased.session": "the session on which its orders are to be traded, as requests name it: `trade_date`;"
    " absent in events of early releases",
    "OrdersReleased.decided_by": "the user who approved, as the sign-in names them; absent in events of early releases",
    "decided_name": "their name; absent in events of early releases",
    "OrdersReleased.orders": "orders to market; empty if all trades cancel out between sleeves",
    "OrdersReleased.allocations": "how the units of the orders fall to sleeves",
    "OrdersReleased.lots": "which lots the sell orders take, whether or not their cost basis is known",
    "OrdersReleased.transfers": "what moves between sleeves of the account",
    "order_id": "the order: the same id is the same order",
    "Order.side": "buy or sell",
    "Order.quantity": "units, above 0; of what is priced in percent of face the face amount",
    "Order.reference_price": "the price that the proposal was made with, as it is quoted; not a limit",
    "Order.price_factor": "dollars a unit and price point: `1`, or `0.01` where the price is in percent of face; absent"
    " in events of early releases: `1`",
    "Order.value": "`quantity` x `reference_price` x `price_factor`, rounded half away from zero to cents; absent in"
    " events of early releases",
    "order_type": "`MARKET`: at the market's price, without limit; absent in events of early releases",
    "time_in_force": "`DAY`: what is not executed on `trade_date` lapses, and no order follows by itself; absent in"
    " events of early releases",
    "currency": "the currency of `reference_price` and of the trade; absent in events of early releases: `USD`",
    "idempotency_key": "what to hand to whoever executes, so that the order is executed once: the same whenever this"
    " order comes, and never that of another, also after a restore of our database; its `order_id`; absent in events of"
    " early releases",
    "SleeveAllocation.quantity": "units: above 0 bought, below 0 sold",
    "SleeveTransfer.from_sleeve_id": "the sleeve that gives",
    "SleeveTransfer.to_sleeve_id": "the sleeve that gets",
    "SleeveTransfer.quantity": "units, above 0",
    "LotInstruction.quantity": "units, above 0",
    # AnalysisCompleted
    "run_id": "the run; one run has an event for each enterprise",
    "AnalysisCompleted.enterprise_id": "the enterprise whose accounts are counted; absent in events of early releases,"
    " which count the whole book",
    "business_date": "the date whose closing state was analysed",
    "AnalysisCompleted.version": "number of the run: of an enterprise the highest is the latest",
    "AnalysisCompleted.price_set": "number of the price set that valued the accounts",
    "AnalysisCompleted.accounts": "accounts that were analysed",
    "flagged": "of these, accounts that need rebalancing",
    "AnalysisCompleted.held": "of these, accounts that are held because their data is wrong",
    "AnalysisCompleted.advisors": "the same counts by advisor",
    "AdvisorCounts.accounts": "accounts that were analysed",
    "AdvisorCounts.held": "of these, accounts that are held because their data is wrong",
    # FileProcessed
    "file_id": "the file",
    "FileProcessed.version": "1: a file is processed once",
    "file_name": "name under which it came",
    "FileProcessed.custodian": "the custodian that its header names; absent if it cannot be read",
    "FileProcessed.as_of": "date of the holdings that it shows; absent if it cannot be read",
    "FileProcessed.outcome": "`LOADED`: taken in; `REFUSED`: nothing of it was applied; `DUPLICATE`: loaded before",
    "FileProcessed.reason": "why it was refused or is a duplicate; a refusal begins with its code",
    "FileProcessed.accounts": "accounts that it covers",
    "FileProcessed.held": "of these, accounts that are held because of what it says",
    "sent_by": "the user who uploaded it; absent for the custodian's own feed",
    "FileProcessed.enterprise_ids": "the enterprises of `parts`; empty if nobody knows them (only who sent it may be"
    " told of it then), and in events of early releases",
    "FileProcessed.parts": "whom it concerns, with their counts; empty in events of early releases",
    "at": "when it was done",
    "FilePart.accounts": "accounts of this advisor that the file covers",
    "FilePart.held": "of these, accounts that are held because of what it says",
    # ExecutionReported
    "ExecutionReported.account_id": "the account of the order",
    "ExecutionReported.enterprise_id": "the enterprise of the order",
    "ExecutionReported.batch_id": "the batch whose approval sent the order",
    "ExecutionReported.security_id": "the security of the order",
    "ExecutionReported.version": "counter of this order's events: the highest counts; gaps mean nothing",
    "ExecutionReported.status": "`ACCEPTED`: taken, nothing filled; `PARTIALLY_FILLED`: some units; `FILLED`: all;"
    " `REJECTED`: nothing more of it will be filled",
    "ExecutionReported.quantity": "units filled so far, in all; 0 to the order's quantity",
    "ExecutionReported.price": "dollars a unit of what is filled, on average; there if anything is",
    "ExecutionReported.at": "when it came to this",
    "ExecutionReported.reason": "why it was rejected; for other states a remark, if any",
    # SecurityChanged, PricesPublished
    "SecurityChanged.kind": "stock, exchange-traded fund, mutual fund, bond, option, or anything else",
    "fractional": "whether it trades in steps of 0.000001 units; of 0.0001 where the price is in percent of face",
    "lot_size": "units of a round lot; 1: single units",
    "cash_equivalent": "whether its value counts as cash, as that of a money-market sweep: it is never traded",
    "SecurityChanged.role": "how accounts treat what they hold of it, unless they say otherwise; `LOCKED`: it counts in"
    " the account's value and is never traded; `EXCLUDED`: it is left out; absent: `EXCLUDED` if it is an option or of"
    " kind `OTHER`, else `MANAGED`",
    "SecurityChanged.price_factor": "dollars a unit and price point: `0.01` where the price is in percent of face",
    "worthless": "whether it is worth nothing: it needs no price and is `EXCLUDED` everywhere",
    "PricesPublished.price_set": "number of the set; a later set has a higher one",
    "PricesPublished.as_of": "the day whose closing prices they are",
    "prices": "prices of all securities; an entry that is no price is put aside, never its set",
    "PricePoint.price": "dollars a unit, 0 for none; decimals beyond six are rounded",
    # ModelChanged, PortfolioChanged
    "model_id": "the model",
    "holdings": "securities with their weights",
    "ModelChanged.cash_weight": "share of the model that is cash",
    "Component.weight": "share of the model or sleeve",
    "threshold": "rebalance threshold as a share of the target: 0.2 is 20 % of it",
    "precision": "how close a rebalance trades, as a share of the target",
    "floor": "smallest rebalance threshold, as a share of the account's value",
    "cash_threshold": "rebalance threshold of cash, as a share of its target",
    "can_trigger": "whether it may raise a flag; it is traded all the same",
    "portfolio_id": "the portfolio",
    "PortfolioChanged.cash_weight": "share of the account that is cash, besides cash inside sleeves",
    "cash_can_trigger": "whether cash may raise a flag",
    "sleeves": "its sleeves",
    "Sleeve.sleeve_id": "the sleeve, by an id inside the portfolio",
    "Sleeve.kind": "`MODEL`: it follows `model_id`; `APM`: it has its own holdings",
    "Sleeve.weight": "share of the account",
    "Sleeve.model_id": "the model it follows; there for `MODEL` alone",
    "Sleeve.cash_weight": "share of the sleeve that is cash; of an `APM` sleeve",
    # AccountChanged
    "custody": "whether gains are taxed now (`TAXABLE`)",
    "tax_household_id": "accounts of one household share purchases in the wash-sale rule; absent: the account alone",
    "AccountChanged.portfolio_id": "its target portfolio; absent: it has no target",
    "apm_sleeve_id": "the sleeve of what a file gives no other sleeve",
    "rebalancer_on": "whether it is analysed",
    "rebalancer_on_count": "how often that was turned on, so that off and on between two events is not lost",
    "AccountChanged.last_rebalanced": "last rebalance before the account was ours; passed over once we have a date",
    "lot_method": "which lots leave first when units are sold",
    "lot_picks": "lots that leave first, in this order; for `SPECIFIC` alone",
    "gain_budget_short": "dollars of short-term gain, net of losses, that a proposal may realise; absent: no limit",
    "gain_budget_total": "dollars of gain, net of losses, that a proposal may realise; absent: no limit",
    "no_short_term_gains": "whether nothing may be sold at a short-term gain",
    "AccountChanged.threshold": "goes before the portfolio's",
    "AccountChanged.precision": "goes before the portfolio's",
    "AccountChanged.floor": "goes before the portfolio's",
    "AccountChanged.cash_threshold": "goes before the portfolio's",
    "min_trade_usd": "smallest trade, dollars",
    "min_trade_weight": "smallest trade, as a share of the account's value; the greater of both counts",
    "cash_reserve": "dollars of cash that stay after trading; part of the account's value",
    "cash_set_aside": "dollars of cash that are not to be invested; outside the account's value",
    "do_not_trade": "whether nothing of the account is traded",
    "holding_roles": "how the account treats single securities, whatever these say of themselves",
    "HoldingRoleSet.role": "`MANAGED`; `LOCKED`: it counts in the account's value and is never traded; `EXCLUDED`: it"
    " is left out",
    "restrictions": "what may not be done with single securities",
    "SecurityRestriction.kind": "`SUBSTITUTE`: buy `substitute_id` in its stead",
    "substitute_id": "what is bought instead; there for `SUBSTITUTE` alone",
    "LotPick.sleeve_id": "may be left out where the lot stands in one sleeve, or all of it is picked",
    "LotPick.units": "units of the lot that leave first",
}
"""By name of the field, or of model and field."""
