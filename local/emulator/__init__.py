"""The control plane of the local platform: MiniStack, pinned, with our extensions attached."""
