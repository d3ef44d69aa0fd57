"""The HTTP door: ``app.create_app`` builds it, ``server.serve`` runs it."""
