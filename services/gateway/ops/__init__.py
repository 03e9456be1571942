"""Asking every process how it is, for the operations page."""
