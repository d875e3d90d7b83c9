"""A small deployment to plant changes in: two stacks, a role, a bucket, a group, a key."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from review.assembly import Assembly
from review.changes import Change, compare
from review.facts import Facts, collect
from review.findings import Acknowledgement

CONTRACT: dict[str, Any] = {
    "event": {
        "fields": [
            {"name": "id", "type": "string", "required": True, "classification": "public"},
            {
                "name": "tail", "type": "string", "required": False,
                "classification": "confidential", "treatment": "pseudonymise",
            },
        ]
    },
    "label": {"fields": []},
}  # fmt: skip


def _key_output() -> dict[str, Any]:
    return {"Fn::GetStackOutput": {"StackName": "Example-keys", "OutputName": "KeyArn"}}


TEMPLATES: dict[str, dict[str, Any]] = {
    "keys": {
        "Resources": {
            "Key": {
                "Type": "AWS::KMS::Key",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {"KeyPolicy": {"Statement": []}},
            }
        },
        "Outputs": {"KeyArn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}},
    },
    "lake": {
        "Resources": {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {
                    "BucketName": "one",
                    "BucketEncryption": {
                        "ServerSideEncryptionConfiguration": [
                            {"ServerSideEncryptionByDefault": {"KMSMasterKeyID": _key_output()}}
                        ]
                    },
                    "PublicAccessBlockConfiguration": {
                        "BlockPublicAcls": True, "BlockPublicPolicy": True,
                        "IgnorePublicAcls": True, "RestrictPublicBuckets": True,
                    },
                },
            },
            "BucketPolicy": {
                "Type": "AWS::S3::BucketPolicy",
                "Properties": {
                    "Bucket": {"Ref": "Bucket"},
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Deny", "Action": "s3:*", "Principal": "*",
                                "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        ]
                    },
                },
            },
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow", "Action": "sts:AssumeRole",
                                "Principal": {"Service": "lambda.amazonaws.com"},
                            }
                        ]
                    },
                    "PermissionsBoundary": "arn:aws:iam::111122223333:policy/boundary",
                },
            },
            "Policy": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "Roles": [{"Ref": "Role"}],
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow", "Action": ["s3:GetObject"],
                                "Resource": {"Fn::Sub": "${Bucket.Arn}/in/*"},
                                "Condition": {"StringEquals": {"aws:ResourceAccount": "1"}},
                            }
                        ]
                    },
                },
            },
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {
                    "SecurityGroupEgress": [
                        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
                    ]
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "VpcConfig": {"SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}]},
                },
            },
        }
    },
}  # fmt: skip


@dataclass(slots=True)
class Deployment:
    """Templates that a test changes, and what the review makes of them."""

    templates: dict[str, dict[str, Any]] = field(default_factory=lambda: copy.deepcopy(TEMPLATES))
    contract: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(CONTRACT))
    acknowledgements: list[Acknowledgement] = field(default_factory=list)

    def resource(self, logical_id: str, stack: str = "lake") -> dict[str, Any]:
        """A resource to change in place."""
        found: dict[str, Any] = self.templates[stack]["Resources"][logical_id]
        return found

    def properties(self, logical_id: str, stack: str = "lake") -> dict[str, Any]:
        """Its properties."""
        found: dict[str, Any] = self.resource(logical_id, stack)["Properties"]
        return found

    @property
    def resources(self) -> dict[str, Any]:
        """The lake's resources."""
        found: dict[str, Any] = self.templates["lake"]["Resources"]
        return found

    @property
    def assembly(self) -> Assembly:
        """As the review reads it."""
        return Assembly(self.templates, {"Example-keys": "keys", "Example-lake": "lake"})

    def facts(self) -> Facts:
        """The facts that a baseline would hold."""
        return collect("planted", self.assembly, self.contract, self.acknowledgements)

    def changes(self) -> list[Change]:
        """What differs from the deployment nobody touched."""
        return compare(Deployment().facts(), self.facts())

    def kinds(self) -> set[str]:
        """The classes of what differs, resource counts left out."""
        return {change.kind for change in self.changes()} - {"resource count"}
