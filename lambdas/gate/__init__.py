"""Data-quality gate and the decision between candidate and champion."""
