"""What PySpark lacks to run a Glue job here: tables of Iceberg, ``s3://``, and a quick start."""
