"""CloudFormation: what it checks, resolves, tells and asks of roles beyond provisioning."""
