"""Who is calling: gateway keys, the gateway's own Copilot tokens, and the principal they prove."""
