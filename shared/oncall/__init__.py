"""The command line of people on call: what is the same for every service."""
