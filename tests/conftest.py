"""Fixtures of all tests: where a broker, a database and the whole stack come from."""

pytest_plugins = ["tests.stackfix.fixtures"]
