"""The container of SageMaker's XGBoost image without a container runtime (docs/container.md).

``build`` makes the image's Python environment once; ``overlay`` gives each job and server its own
thin layer over it; ``image/`` is what the container's processes find besides installed packages.
"""
