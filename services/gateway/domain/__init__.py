"""Pure rules of the gateway: when a session ends, who is notified of a change, what is recorded, rate limits."""
