"""Saved views: filters, order and layout of a list under a name."""
