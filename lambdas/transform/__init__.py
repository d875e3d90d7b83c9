"""Firehose transformation: what enters the lake keeps the contract."""
