"""The VPC part of EC2: security groups, endpoints, and how requests travel through them."""
