"""Tax-aware: as near to target as the gain limits of the account allow.  Source: product 4, "Tax-aware".

The problem.  Best Fit's sells realise gains.  An account may limit them: a budget for short-term gains, one for all
gains, no short-term gains at all.  Which part of which sell is left out, so that the limits hold and the account ends
as near to target as they allow?  The gain of a sell is not proportional to its units: lots leave in the order of the
lot method, each with a gain per share of its own.

The search.  Best Fit runs first.  Its market sells are relieved by the rule that taxlot books with (`gains`), and
each sell is divided at its *breakpoints*, the counts of units at which another lot begins to leave (`breakpoints`).
While a limit is passed, the tail of a sell that saves most gain per dollar is cut (*reduce*); then whole steps of
what was cut come back as far as the budget allows (*restore*; both in `reduce_restore`).  How many units of one sell
fit is found exactly, because a cut changes how sleeves share the sell and so which lots leave (`cap_search`).  What
is left of each sell is its *cap*, and Best Fit runs again under the caps, so that its buys share the cash there is.
Caps only shrink, so this ends (`search`).

Worked example 1: two equal tails.  V = $10,000.  A and B cost $100 a share; each has a weight of 40 % and a target of
30 %; every lot was bought at $80.  Best Fit sells 10 of each: a gain of 10 x $20 twice, $400, against a budget of
$150.

    sell   proceeds   gain   gain per dollar
    A 10     $1,000   $200              0.20   the first of equals by security id: cut whole; $200 against $150
    B 10     $1,000   $200              0.20   ceil(50 / 20) = 3 shares are cut: B sells 7, $140 against $150

One more share of B would count $160, so nothing is restored.  Best Fit then buys with $700 instead of $2,000.

Worked example 2: a tail ends at a breakpoint.  The same prices and weights, a budget of $320.  A's lots: 5 shares at
$90 leave first, then 35 at $60.  B's were bought at $70.

    stretch   proceeds   gain   gain per dollar
    A 1-5         $500    $50              0.10   A's breakpoints are 5 and 10
    A 6-10        $500   $200              0.40
    B 1-10      $1,000   $300              0.30

$550 pass the budget by $230.  A's whole tail of $230 would be A 6-10 and 3 shares before it, $800 for $230: 0.29 a
dollar, less than B's 0.30; its tail from the breakpoint costs 0.40, so A 6-10 is cut.  The $30 that remain are one
share of B.  A sells 5 and B sells 9: $50 + $270 = $320, all of the budget.

Losses of what is sold instead.  Where the caps leave cash short, Best Fit sells other positions to raise it, perhaps
at a loss, and then more of the cut sells would have fitted.  So the search restarts with half of the freed budget as
slack, at most four times, and keeps a restart only where it brings cash nearer to the reserve or the account nearer
to target.

Min Transaction is looked at last: its trades are taken where they keep the limits and end nearer to target, or where
they alone reach the reserve.  So neither other logic that keeps the limits is better in both drift and gain.
"""
