"""A small OpenID Connect issuer with sample users. For the local stack only."""
