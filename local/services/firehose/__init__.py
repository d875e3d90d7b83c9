"""Firehose: delivery streams to S3."""
