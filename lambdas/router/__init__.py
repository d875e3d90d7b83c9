"""API in front of the endpoint."""
