"""Score completions by rules: mathematics, unit tests in jails, formats."""
