"""What the registry function reads from its environment."""

from __future__ import annotations

import dataclasses

from lambdas.shared.environment import Environment


@dataclasses.dataclass(frozen=True, slots=True)
class RegistryEnvironment(Environment):
    """Model packages."""

    FUNCTION = "registry"
    package_group: str
    image_uri: str
    champion_parameter: str
    artifacts_bucket: str
    model: str
