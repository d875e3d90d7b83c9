"""EventBridge rules; delivery to targets is ``local.emulator.dispatchers``."""
