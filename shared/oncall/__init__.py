"""Tools for people on call, the same for every service."""
