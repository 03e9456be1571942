"""Users and rights at the broker, generated from the table of topics."""
