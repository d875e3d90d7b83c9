"""What of the image's package of this name script mode uses, written anew (docs/container.md).

The package is in no registry. Environment variables of the image name its modules, so the names are
kept; ``tests/container`` holds the behaviour to the source's text.
"""
