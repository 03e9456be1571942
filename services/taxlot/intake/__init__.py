"""How a custodial file gets in: read in blocks, judged, stored in one transaction, published."""
