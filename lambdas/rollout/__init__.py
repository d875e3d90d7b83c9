"""Roll-out: pointers and the serving stack."""
