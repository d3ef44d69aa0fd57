"""``/jobs``: batches that outlive their connection. ``store`` keeps them in Redis, ``runner`` has them scored
through the queue, ``routes`` shows them.
"""
