"""Figures, each as a ratio to a baseline of the same run; ``python -m benchmarks`` runs them all."""
