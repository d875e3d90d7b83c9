"""Service Quotas: what an account has."""
