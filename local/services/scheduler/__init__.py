"""EventBridge Scheduler: deliveries under a schedule's role."""
