"""Custom resource: the pointers, created once."""
