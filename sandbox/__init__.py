"""Run untrusted programs in jails and judge them by tests, outside the jail."""
