"""The audit log: records of requests, and the chain they are written to."""
