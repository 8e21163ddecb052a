"""Read what clients and upstreams say: bytes to prompt, completion and usage. Pure, incremental.

``sse`` splits a stream into frames; ``openai`` knows where its texts stand; ``stream`` puts a
masker between the two without touching what it leaves alone. Called by ``ingress.gateway``.
"""
