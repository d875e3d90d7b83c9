"""SNS and SQS: topics, subscriptions, queues."""
