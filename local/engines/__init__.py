"""What runs a deployment's code for the services: processes, storage, logs and roles of jobs.

SageMaker and Glue run on these; ``container`` stands in for SageMaker's image, ``spark``
makes Glue's Spark start faster.
"""
