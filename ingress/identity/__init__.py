"""Who is calling: gateway keys, Copilot tokens, OIDC access tokens, and whom they prove."""
