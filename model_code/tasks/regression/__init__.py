"""Regression: the expected value of a number."""
