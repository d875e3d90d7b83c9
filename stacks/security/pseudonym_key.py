"""The HMAC key that pseudonyms are derived from: usable, never readable.

A secret could be read by whoever may read it, and kept. From an HMAC key only results come out, so
its policy is all there is to review. KMS cannot rotate such a key, which is what pseudonyms need:
docs/adr/0021-pseudonym-key-is-not-rotated.md.
"""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.kit.base_stack import BaseStack
from stacks.kit.log_group import removal_policy
from stacks.kit.nag import except_from_review
from stacks.security.domain_key import ADMINISTRATION_ACTIONS, grants_for_services_only

ROTATION_ACTIONS = ("kms:EnableKeyRotation", "kms:DisableKeyRotation", "kms:GetKeyRotationStatus")


def pseudonym_key(scope: Construct, stack: BaseStack) -> kms.Key:
    """Create the key; roles of this deployment may use it if their own policies say so, too."""
    root = iam.AccountRootPrincipal()
    administration = [a for a in ADMINISTRATION_ACTIONS if a not in ROTATION_ACTIONS]
    key = kms.Key(
        scope,
        "Pseudonyms",
        description=f"Millrace {stack.names.instance} {stack.names.environment}: "
        "pseudonyms of classified values",
        key_spec=kms.KeySpec.HMAC_256,
        key_usage=kms.KeyUsage.GENERATE_VERIFY_MAC,
        removal_policy=removal_policy(stack.settings),
        policy=iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(actions=administration, principals=[root], resources=["*"]),
                iam.PolicyStatement(
                    actions=["kms:GenerateMac"],
                    principals=[root],
                    resources=["*"],
                    conditions={"ArnLike": {"aws:PrincipalArn": stack.roles_arn}},
                ),
                grants_for_services_only(),
            ]
        ),
    )
    except_from_review(
        key,
        "checkov:CKV_AWS_7",
        constraint="KMS rotates no HMAC key, and a new key would give every value another "
        "pseudonym, so that nothing joins with what is stored.",
        evidence="docs/adr/0021-pseudonym-key-is-not-rotated.md",
        control="The material never leaves KMS; only roles of this deployment may ask for a MAC, "
        "and each use is in the audit trail.",
    )
    return key
