"""What MiniStack leaves out of secrets: generated passwords, and ``Ref``.

``Ref`` of a secret is its ARN on AWS and its name in MiniStack, so a policy made from it would
match nothing. A generated password has the length and the characters the template asks for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.emulator.extensions import Tables
from local.emulator.private_tables import pin, replace
from local.emulator.provisioning import succeed, truth

_PROVISIONERS = "ministack.services.cloudformation.provisioners"

pin("ministack.services.secretsmanager", _secrets="scoped", _get_random_password="callable")  # noqa: S106
pin(_PROVISIONERS, _sm_secret_string="callable")  # noqa: S106


def password(wish: dict[str, Any]) -> str:
    """A password as ``GenerateSecretString`` describes it; ``ValueError`` if it cannot exist."""
    from ministack.services import secretsmanager

    request: dict[str, Any] = {
        name: truth(value)
        for name, value in wish.items()
        if name.startswith("Exclude") or name in ("IncludeSpace", "RequireEachIncludedType")
    }
    request["PasswordLength"] = int(wish.get("PasswordLength", 32))
    request["ExcludeCharacters"] = str(wish.get("ExcludeCharacters", ""))
    answer = secretsmanager._get_random_password(request)
    body = succeed("AWS::SecretsManager::Secret", answer)
    return str(json.loads(body)["RandomPassword"])


def _generated(original: Callable[..., Any]) -> Callable[..., Any]:
    def secret_string(props: dict[str, Any]) -> Any:
        wish = props.get("GenerateSecretString")
        if not wish or props.get("SecretString"):
            return original(props)
        word = password(wish)
        if "SecretStringTemplate" not in wish:
            return word
        document = json.loads(wish["SecretStringTemplate"])
        return json.dumps(document | {wish["GenerateStringKey"]: word})

    return secret_string


def _secret_name(physical_id: str) -> str:
    """MiniStack keeps secrets by name."""
    from ministack.services import secretsmanager

    for name, secret in secretsmanager._secrets.items():
        if secret["ARN"] == physical_id:
            return str(name)
    return physical_id


def _attach_secrets(entry: dict[str, Any]) -> None:
    create, update, delete = entry["create"], entry["update"], entry["delete"]

    def create_secret(logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, Any]:
        _, attributes = create(logical_id, props, stack)
        return str(attributes["Arn"]), attributes

    def update_secret(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> tuple[str, Any]:
        _, attributes = update(_secret_name(physical_id), old, new, *rest)
        return str(attributes["Arn"]), attributes

    def delete_secret(physical_id: str, props: dict[str, Any]) -> None:
        delete(_secret_name(physical_id), props)

    entry.update(create=create_secret, update=update_secret, delete=delete_secret)


def attach(tables: Tables) -> None:
    """Wrap MiniStack's provisioner of secrets."""
    replace(_PROVISIONERS, "_sm_secret_string", _generated)
    _attach_secrets(tables.resource_handlers["AWS::SecretsManager::Secret"])
