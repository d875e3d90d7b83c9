"""WAF: web ACLs that decide, and their logs."""
