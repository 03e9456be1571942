"""What taxlot keeps, in the PostgreSQL schema `taxlot`."""
