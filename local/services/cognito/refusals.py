"""Cognito: pools, their plans, and how clients sign in."""

from __future__ import annotations

from local.emulator.refusals import Properties, refuses

POOL, CLIENT = "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient"
_LEGACY = frozenset({"ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH"})


@refuses("threat-protection-needs-plus", POOL)
def _plan(properties: Properties) -> str | None:
    mode = properties.get("UserPoolAddOns", {}).get("AdvancedSecurityMode", "OFF")
    tier = properties.get("UserPoolTier", "ESSENTIALS")
    if mode != "OFF" and tier != "PLUS":
        return f"AdvancedSecurityMode {mode} with UserPoolTier {tier}; allowed: PLUS"
    return None


@refuses("second-factor-is-enabled", POOL)
def _factor(properties: Properties) -> str | None:
    mode = properties.get("MfaConfiguration", "OFF")
    if mode != "OFF" and not properties.get("EnabledMfas"):
        return f"MfaConfiguration {mode} without EnabledMfas; allowed: at least one second factor"
    return None


@refuses("alias-or-username", POOL)
def _sign_in(properties: Properties) -> str | None:
    if properties.get("AliasAttributes") and properties.get("UsernameAttributes"):
        return "AliasAttributes and UsernameAttributes; allowed: only one can be set in a user pool"
    return None


@refuses("auth-flows-of-one-kind", CLIENT)
def _flows(properties: Properties) -> str | None:
    flows = set(properties.get("ExplicitAuthFlows", []))
    if flows & _LEGACY and flows - _LEGACY:
        return f"ExplicitAuthFlows {sorted(flows)}; allowed: either ALLOW_ values or legacy"
    return None


@refuses("client-credentials-stand-alone", CLIENT)
def _credentials(properties: Properties) -> str | None:
    flows = properties.get("AllowedOAuthFlows", [])
    if "client_credentials" not in flows:
        return None
    if len(flows) > 1 or not properties.get("GenerateSecret"):
        return (
            "client_credentials flow can not be selected along with code flow or implicit flow, "
            "and needs GenerateSecret"
        )
    return None


@refuses("default-redirect-is-listed", CLIENT)
def _redirect(properties: Properties) -> str | None:
    default = properties.get("DefaultRedirectURI")
    if default and default not in properties.get("CallbackURLs", []):
        return f"DefaultRedirectURI {default!r}: allowed: one of CallbackURLs"
    return None
