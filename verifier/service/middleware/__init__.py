"""One small ASGI middleware a concern."""
