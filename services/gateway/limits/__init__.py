"""Limits on clients: request rates, requests under way per address, sizes of bodies."""
