"""Multiclass classification: the probability of each of the contract's classes."""
