"""The review as a page: one file without a single external reference."""
