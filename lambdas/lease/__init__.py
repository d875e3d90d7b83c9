"""Lease and cooldown of retraining."""
