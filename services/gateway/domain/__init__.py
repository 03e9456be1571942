"""Decisions of the door: who may do what, when a session ends, what is pushed to whom."""
