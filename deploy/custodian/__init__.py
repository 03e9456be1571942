"""The simulated custodian: a program outside the system that knows only files and topics."""
