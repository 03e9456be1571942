"""The HTTP API and pages, a module for each area."""
