"""CloudTrail: trails and what they need to write."""
