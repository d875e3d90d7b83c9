"""Names of integrations, by type and property; what stands nowhere here is named by itself.

``NEUTRAL`` holds the properties from which nothing follows for a role: sizes, names, times. Adding
one there is a judgement: whoever does it has looked up that AWS asks nothing of the role for it.
"""

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

_FIREHOSE = "AWS::KinesisFirehose::DeliveryStream"
_S3_DESTINATION = "ExtendedS3DestinationConfiguration"
_ARGUMENT = "DefaultArguments.--"
# Properties that are looked into.
EXPANDED: Mapping[str, frozenset[str]] = {
    _FIREHOSE: frozenset({_S3_DESTINATION}),
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
    _FIREHOSE: {
        "DeliveryStreamEncryptionConfigurationInput": "Firehose stream under a customer key",
        f"{_S3_DESTINATION}.BucketARN": "Firehose to S3",
        f"{_S3_DESTINATION}.CloudWatchLoggingOptions": "Firehose error log",
        f"{_S3_DESTINATION}.DataFormatConversionConfiguration": "Firehose conversion to Parquet",
        f"{_S3_DESTINATION}.EncryptionConfiguration": "Firehose to S3 under a customer key",
        f"{_S3_DESTINATION}.ProcessingConfiguration": "Firehose transform by a function",
        f"{_S3_DESTINATION}.S3BackupConfiguration": "Firehose to S3",
    },
    "AWS::Glue::Job": {
        "Command": "Glue job on S3",
        "Connections": "Glue job with a connection",
        f"{_ARGUMENT}enable-continuous-cloudwatch-log": "Glue job logs",
        f"{_ARGUMENT}enable-metrics": "Glue job metrics",
        f"{_ARGUMENT}extra-py-files": "Glue job on S3",
        f"{_ARGUMENT}job-bookmark-option": lambda option: f"Glue {option}",
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
_TAGGED = frozenset({"Description", "Name", "Tags"})
NEUTRAL: Mapping[str, frozenset[str]] = {
    "AWS::Lambda::Function": _TAGGED
    | {
        "Architectures",
        "Code",
        "Environment",
        "Handler",
        "MemorySize",
        "ReservedConcurrentExecutions",
        "Runtime",
        "Timeout",
    },
    _FIREHOSE: _TAGGED
    | {
        "DeliveryStreamType",
        f"{_S3_DESTINATION}.BufferingHints",
        f"{_S3_DESTINATION}.CompressionFormat",
        f"{_S3_DESTINATION}.CustomTimeZone",
        f"{_S3_DESTINATION}.DynamicPartitioningConfiguration",
        f"{_S3_DESTINATION}.ErrorOutputPrefix",
        f"{_S3_DESTINATION}.FileExtension",
        f"{_S3_DESTINATION}.Prefix",
        f"{_S3_DESTINATION}.RoleARN",
        f"{_S3_DESTINATION}.S3BackupMode",
    },
    "AWS::Glue::Job": _TAGGED
    | {
        # Our own arguments have an underscore, Glue's have none.
        f"{_ARGUMENT}*_*",
        "ExecutionProperty",
        "GlueVersion",
        "MaxRetries",
        "NumberOfWorkers",
        "Role",
        "Timeout",
        "WorkerType",
    },
    "AWS::StepFunctions::StateMachine": _TAGGED | {"DefinitionString", "RoleArn"},
    "AWS::Scheduler::Schedule": _TAGGED
    | {
        "FlexibleTimeWindow",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "Target.Input",
        "Target.RetryPolicy",
        "Target.RoleArn",
    },
    "AWS::SageMaker::Model": frozenset({"ExecutionRoleArn", "ModelName", "Tags"}),
    "AWS::SageMaker::EndpointConfig": frozenset(
        {"EndpointConfigName", "ProductionVariants", "Tags"}
    ),
    "AWS::SageMaker::Endpoint": frozenset(
        {
            "EndpointConfigName",
            "EndpointName",
            "ExcludeRetainedVariantProperties",
            "RetainAllVariantProperties",
            "Tags",
        }
    ),
    "sagemaker:createTrainingJob": frozenset(
        {
            "EnableManagedSpotTraining",
            "Environment",
            "HyperParameters",
            "ResourceConfig.InstanceCount",
            "ResourceConfig.InstanceType",
            "ResourceConfig.VolumeSizeInGB",
            "StoppingCondition",
            "TrainingJobName",
        }
    ),
    "sagemaker:createProcessingJob": frozenset(
        {
            "Environment",
            "ProcessingJobName",
            "ProcessingResources.ClusterConfig.InstanceCount",
            "ProcessingResources.ClusterConfig.InstanceType",
            "ProcessingResources.ClusterConfig.VolumeSizeInGB",
            "StoppingCondition",
        }
    ),
    "AWS::Backup::BackupSelection": frozenset({"BackupPlanId"}),
    # A trail writes to its bucket and under its key as the service, which their policies admit.
    "AWS::CloudTrail::Trail": frozenset(
        {
            "AdvancedEventSelectors",
            "CloudWatchLogsLogGroupArn",
            "EnableLogFileValidation",
            "IncludeGlobalServiceEvents",
            "IsLogging",
            "IsMultiRegionTrail",
            "KMSKeyId",
            "S3BucketName",
            "Tags",
            "TrailName",
        }
    ),
    "AWS::EC2::FlowLog": frozenset(
        {
            "LogDestinationType",
            "LogGroupName",
            "MaxAggregationInterval",
            "ResourceId",
            "ResourceType",
            "Tags",
            "TrafficType",
        }
    ),
    "AWS::S3::Bucket": frozenset(
        {
            "BucketEncryption",
            "LifecycleConfiguration",
            "LoggingConfiguration",
            "NotificationConfiguration",
            "ObjectLockConfiguration",
            "ObjectLockEnabled",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "Tags",
            "VersioningConfiguration",
        }
    ),
}
