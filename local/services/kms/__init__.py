"""KMS: keys, and key policies enforced where data is."""
