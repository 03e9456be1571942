"""The way of a custodial file: read in blocks, judged, stored in one transaction, published."""
