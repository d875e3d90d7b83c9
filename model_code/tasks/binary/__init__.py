"""Binary classification: the probability that the label is positive."""
