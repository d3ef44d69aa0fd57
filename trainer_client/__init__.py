"""The client for any trainer: scores over HTTP or through a Redis queue."""
