"""Properties from which nothing follows for a role: sizes, names, times.

Adding one is a judgement: whoever does it has looked up that AWS asks nothing of the role for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from review.integration_names import ARGUMENT, FIREHOSE, S3_DESTINATION

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
    FIREHOSE: _TAGGED
    | {
        "DeliveryStreamType",
        f"{S3_DESTINATION}.BufferingHints",
        f"{S3_DESTINATION}.CompressionFormat",
        f"{S3_DESTINATION}.CustomTimeZone",
        f"{S3_DESTINATION}.DynamicPartitioningConfiguration",
        f"{S3_DESTINATION}.ErrorOutputPrefix",
        f"{S3_DESTINATION}.FileExtension",
        f"{S3_DESTINATION}.Prefix",
        f"{S3_DESTINATION}.RoleARN",
        f"{S3_DESTINATION}.S3BackupMode",
    },
    "AWS::Glue::Job": _TAGGED
    | {
        # Our own arguments have an underscore, Glue's have none.
        f"{ARGUMENT}*_*",
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
    # A group of a name with a role's in it; whoever logs there needs calls, which are his own.
    "AWS::Logs::LogGroup": frozenset({"KmsKeyId", "LogGroupName", "RetentionInDays", "Tags"}),
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
