"""Tests of optional capabilities on the local platform, a folder each."""
