"""Glue: jobs that run, their logs, the catalog."""
