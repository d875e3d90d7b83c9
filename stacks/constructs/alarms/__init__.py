"""Alarms as constructs: each names its section in ``docs/runbook.md``."""
