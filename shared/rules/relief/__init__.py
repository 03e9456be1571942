"""The one relief rule: which lots leave, at what basis, gain and term.

It stands in `shared` because two services must answer alike: the proposer (which sells cost how much tax) and taxlot
(which lots a proposal relieves).  Beside it stands the wash-sale rule (wash.py), which taxlot and batch share.  Pure
kernels over integer arrays; the same text runs compiled and as plain Python.  Source: product 4 (Netting), 5.
"""
