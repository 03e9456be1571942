"""Tests of the proposer, named after the rules of product 4.

test_<rule>.py: tables and examples by hand, with the arithmetic beside them.  test_<rule>_properties.py: what holds for
every generated account.  builders, accounts: accounts in plain words and those that tables share; strategies: generated
ones; harness: proposing, booking and comparing; model, model_account: the rules once more, slow and plain.
"""
