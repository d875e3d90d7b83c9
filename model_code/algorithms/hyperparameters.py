"""What every algorithm's ``settings.py`` says: its own settings, and the image that it needs."""

from __future__ import annotations

from typing import ClassVar

from config.section import Section


class Hyperparameters(Section):
    """Settings of one algorithm; ``name`` tells them apart."""

    IMAGE: ClassVar[str] = "xgboost"
    """An entry of ``config/images.yaml``; it trains, evaluates, monitors and serves."""

    def arguments(self) -> dict[str, str]:
        """Hyperparameters of a training request, which are texts."""
        values = self.model_dump()
        return {"algorithm": values.pop("name"), **{key: str(one) for key, one in values.items()}}
