"""S3: buckets, replication, answers about missing objects."""
