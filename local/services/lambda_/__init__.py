"""Lambda (``lambda`` is no name for a module): properties, errors, failed events."""
