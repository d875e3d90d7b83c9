"""CloudWatch: metrics, alarms that watch, dashboards."""
