"""Sign-in at an OpenID Connect issuer: authorization code flow with PKCE, done by the server."""
