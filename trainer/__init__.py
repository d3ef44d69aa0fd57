"""A GRPO trainer whose rewards come asynchronously through a queue."""
