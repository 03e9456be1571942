"""Custodians' own formats: a mapping turns a foreign file into the rows of the documented one.  Source: product 2."""
