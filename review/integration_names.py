"""Names of integrations, by type and property; what stands nowhere here is named by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Name: TypeAlias = str | Callable[[Any], str]
TASK_PREFIX = "states:::"

# Types that act with a role which another resource gives them.
ROLE_USERS = frozenset(
    {
        "AWS::Lambda::EventInvokeConfig",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
    }
)
# Roles that callers pass: service → integration.
TRUST_ONLY = {"cloudformation.amazonaws.com": "CloudFormation service role"}

# Stores whose key is used on behalf of whoever calls them: type → property that names the key.
STORES = {
    "AWS::DynamoDB::Table": ("SSESpecification", "DynamoDB table under a customer key"),
    "AWS::SNS::Topic": ("KmsMasterKeyId", "SNS topic under a customer key"),
    "AWS::SQS::Queue": ("KmsMasterKeyId", "SQS queue under a customer key"),
}

FIREHOSE = "AWS::KinesisFirehose::DeliveryStream"
S3_DESTINATION = "ExtendedS3DestinationConfiguration"
ARGUMENT = "DefaultArguments.--"
# Properties that are looked into.
EXPANDED: Mapping[str, frozenset[str]] = {
    FIREHOSE: frozenset({S3_DESTINATION}),
    "AWS::Glue::Job": frozenset({"DefaultArguments"}),
    "AWS::Scheduler::Schedule": frozenset({"Target"}),
    "sagemaker:createTrainingJob": frozenset({"OutputDataConfig", "ResourceConfig"}),
    "sagemaker:createProcessingJob": frozenset(
        {
            "NetworkConfig",
            "ProcessingOutputConfig",
            "ProcessingResources",
            "ProcessingResources.ClusterConfig",
        }
    ),
}
VPC, IMAGE = "SageMaker in a VPC", "SageMaker container image"
VOLUMES, OUTPUT = "SageMaker volumes under a customer key", "SageMaker output to S3"
INPUT, LOGS = "SageMaker input from S3", "SageMaker logs"


def _target(arn: Any) -> str:
    """``glue:startJobRun`` of a universal target, else the service."""
    universal = "aws-sdk:"
    text = str(arn)
    called = text.split(universal, 1)[1] if universal in text else text.split(":")[2]
    return f"Scheduler target {called}"


NAMES: Mapping[str, Mapping[str, Name]] = {
    "AWS::Lambda::Function": {
        "DeadLetterConfig": "Lambda dead letters",
        "KmsKeyArn": "Lambda variables under a customer key",
        "Layers": "Lambda layers of this account",
        "LoggingConfig": "Lambda logs",
        "Role": "Functions' own calls",
        "TracingConfig": "Lambda tracing",
        "VpcConfig": "Lambda in a VPC",
    },
    FIREHOSE: {
        "DeliveryStreamEncryptionConfigurationInput": "Firehose stream under a customer key",
        f"{S3_DESTINATION}.BucketARN": "Firehose to S3",
        f"{S3_DESTINATION}.CloudWatchLoggingOptions": "Firehose error log",
        f"{S3_DESTINATION}.DataFormatConversionConfiguration": "Firehose conversion to Parquet",
        f"{S3_DESTINATION}.EncryptionConfiguration": "Firehose to S3 under a customer key",
        f"{S3_DESTINATION}.ProcessingConfiguration": "Firehose transform by a function",
        f"{S3_DESTINATION}.S3BackupConfiguration": "Firehose to S3",
    },
    "AWS::Glue::Job": {
        "Command": "Glue job on S3",
        "Connections": "Glue job with a connection",
        f"{ARGUMENT}enable-continuous-cloudwatch-log": "Glue job logs",
        f"{ARGUMENT}enable-metrics": "Glue job metrics",
        f"{ARGUMENT}extra-py-files": "Glue job on S3",
        f"{ARGUMENT}job-bookmark-option": lambda option: f"Glue {option}",
        "SecurityConfiguration": "Glue job with a security configuration",
    },
    "AWS::StepFunctions::StateMachine": {
        "LoggingConfiguration": "Step Functions logs",
        "TracingConfiguration": "Step Functions tracing",
    },
    "AWS::Scheduler::Schedule": {
        "Target.Arn": _target,
        "Target.DeadLetterConfig": "Scheduler dead letters",
    },
    "AWS::SageMaker::Model": {
        "PrimaryContainer": "SageMaker model from S3",
        "VpcConfig": VPC,
    },
    "AWS::SageMaker::EndpointConfig": {
        "DataCaptureConfig": "SageMaker data capture",
        "KmsKeyId": "SageMaker endpoint volumes under a customer key",
    },
    "AWS::SageMaker::Endpoint": {"DeploymentConfig": "SageMaker deployment guardrails"},
    "sagemaker:createTrainingJob": {
        "AlgorithmSpecification": IMAGE,
        "CheckpointConfig": "SageMaker checkpoints",
        "InputDataConfig": INPUT,
        "OutputDataConfig.KmsKeyId": OUTPUT,
        "OutputDataConfig.S3OutputPath": OUTPUT,
        "ResourceConfig.VolumeKmsKeyId": VOLUMES,
        "RoleArn": LOGS,
        "VpcConfig": VPC,
    },
    "sagemaker:createProcessingJob": {
        "AppSpecification": IMAGE,
        "NetworkConfig.VpcConfig": VPC,
        "ProcessingInputs": INPUT,
        "ProcessingOutputConfig.KmsKeyId": OUTPUT,
        "ProcessingOutputConfig.Outputs": OUTPUT,
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId": VOLUMES,
        "RoleArn": LOGS,
    },
    "AWS::Backup::BackupSelection": {"BackupSelection": "AWS Backup of a table"},
    "AWS::CloudTrail::Trail": {"CloudWatchLogsRoleArn": "CloudTrail to CloudWatch Logs"},
    "AWS::EC2::FlowLog": {"DeliverLogsPermissionArn": "VPC flow logs"},
    "AWS::S3::Bucket": {"ReplicationConfiguration": "S3 replication"},
}
