"""Keys: a policy that leaves nobody in charge, usages of key specs, rotation, aliases."""

from __future__ import annotations

import fnmatch
import re

from local.emulator.provisioning import truth
from local.emulator.refusals import Properties, policies, refuses, refuses_change
from local.emulator.refusals.policies import Statement

KEY_POLICY = 32768
_KEEPS = "kms:PutKeyPolicy"
_SYMMETRIC = "SYMMETRIC_DEFAULT"
_CHARACTERS = re.compile("[\t\n\r\x20-\x7e\xa0-\xff]*")
_USAGES = {
    "SYMMETRIC_DEFAULT": {"ENCRYPT_DECRYPT"},
    "HMAC": {"GENERATE_VERIFY_MAC"},
    "RSA": {"ENCRYPT_DECRYPT", "SIGN_VERIFY"},
    "ECC": {"SIGN_VERIFY", "KEY_AGREEMENT"},
    "SM2": {"ENCRYPT_DECRYPT", "SIGN_VERIFY", "KEY_AGREEMENT"},
    "ML": {"SIGN_VERIFY"},
}


def _keeps_control(statement: Statement) -> bool:
    names = (action.lower() for action in policies.listed(statement.get("Action")))
    return (
        statement.get("Effect") == "Allow"
        and not statement.get("Condition")
        and isinstance(statement.get("Principal"), dict | str)
        and any(fnmatch.fnmatchcase(_KEEPS.lower(), name) for name in names)
    )


@refuses("key-policy-lockout", "AWS::KMS::Key")
def _lockout(properties: Properties) -> str | None:
    if truth(properties.get("BypassPolicyLockoutSafetyCheck")) or "KeyPolicy" not in properties:
        return None
    if any(map(_keeps_control, policies.statements(policies.on_resource(properties)))):
        return None
    return (
        "The new key policy will not allow you to update the key policy in the future; "
        f"allowed: a statement without conditions that allows {_KEEPS}"
    )


@refuses("key-policy-size", "AWS::KMS::Key")
def _size(properties: Properties) -> str | None:
    length = sum(policies.size(document) for document in policies.on_resource(properties))
    if length <= KEY_POLICY:
        return None
    return f"The key policy has {length} bytes; allowed: at most {KEY_POLICY}"


@refuses("key-policy-characters", "AWS::KMS::Key")
def _characters(properties: Properties) -> str | None:
    for statement in policies.statements(policies.on_resource(properties)):
        text = str(statement.get("Sid", ""))
        if not _CHARACTERS.fullmatch(text):
            return f"MalformedPolicyDocument: {text!r}; allowed: ASCII and Latin-1 characters"
    return None


@refuses("key-usage-of-spec", "AWS::KMS::Key")
def _usage(properties: Properties) -> str | None:
    spec = properties.get("KeySpec", _SYMMETRIC)
    usage = properties.get("KeyUsage", "ENCRYPT_DECRYPT")
    allowed = _USAGES.get(spec) or _USAGES.get(re.split("[_-]", spec)[0])
    if allowed is None or usage in allowed:
        return None
    return f"KeyUsage {usage} is not compatible with KeySpec {spec}; allowed: {sorted(allowed)}"


@refuses("key-rotation-symmetric", "AWS::KMS::Key")
def _rotation(properties: Properties) -> str | None:
    spec = properties.get("KeySpec", _SYMMETRIC)
    if spec == _SYMMETRIC or not truth(properties.get("EnableKeyRotation")):
        return None
    return f"You cannot set the EnableKeyRotation property to true on a {spec} key"


@refuses("alias-reserved", "AWS::KMS::Alias")
def _alias(properties: Properties) -> str | None:
    if not str(properties.get("AliasName", "")).startswith("alias/aws/"):
        return None
    return f"{properties['AliasName']}: alias/aws/ is reserved for keys that AWS manages"


_DEFAULTS = {
    "KeySpec": "SYMMETRIC_DEFAULT",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "MultiRegion": "False",
    "Origin": "AWS_KMS",
}


@refuses_change("key-kind-is-fixed", "AWS::KMS::Key")
def _kind(old: Properties, new: Properties) -> str | None:
    for name, default in _DEFAULTS.items():
        before, after = (str(state.get(name, default)) for state in (old, new))
        if before.lower() != after.lower():
            return f"You cannot change {name} of an existing KMS key: {before} to {after}"
    return None
