"""API Gateway: stages as deployed, signatures, access logs, certificates, its logging role."""
