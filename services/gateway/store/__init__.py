"""The gateway's own tables: users with their entitlements, and sessions."""
