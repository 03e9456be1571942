"""Rules of custodial files and lots over plain values and arrays: no input or output, no clock."""
