"""Step Functions: executions that enforce, wait, stop and time out."""
