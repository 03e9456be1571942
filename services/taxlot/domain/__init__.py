"""What is true of a custodial file and of lots, over plain arrays: no input, no output, no clock."""
