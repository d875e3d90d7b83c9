"""Athena: queries that really run."""
