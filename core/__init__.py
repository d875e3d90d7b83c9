"""What every layer agrees on: names, the compiled contract, the validator of records.

The standard library alone: Lambda functions, Spark, SageMaker containers, synth and the local
platform import it, each from its own archive (``bundles/``) or from the repository.
"""
