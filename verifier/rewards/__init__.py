"""The reward types, one file each; ``registry`` finds them by name."""
