"""ECR: AWS's registries of images."""
