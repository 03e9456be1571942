"""The sample book: enterprises, accounts, targets, lots at real prices. Deterministic from its arguments."""
