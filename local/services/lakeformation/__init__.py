"""Lake Formation: settings of an account."""
