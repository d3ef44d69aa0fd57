"""The queue door: RQ workers that run one function, and their supervisor."""
