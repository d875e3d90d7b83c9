"""IAM: roles and policies; decisions are made in ``local.emulator``."""
