"""The simulated custodian: a program outside the system that uses only its files and topics."""
