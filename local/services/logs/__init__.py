"""CloudWatch Logs: groups, filter patterns, metric filters."""
