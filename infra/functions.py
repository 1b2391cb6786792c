"""The Lambda functions of the catalog: code, layers, environment, and a role with the rights of its entry."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import catalog
from infra.catalog import pascal
from infra.monitoring import NAMESPACE, log_group
from infra.stack_parameters import StackParameters
from infra.stages import Stage
from infra.storage import Storage

ROOT = Path(__file__).resolve().parents[1]
NOT_SHIPPED = ["**/__pycache__", "**/*.pyc", "**/.DS_Store"]
IN_IMAGE = (
    "functions/score_image",
    "functions/analyze_images",
    "functions/compare_images",
    "functions/compile_evaluation",
    "layers/core/python",
    "layers/evaluation/python",
    "scripts/weights",
)

# What the classes in character_identity.aws call.
TABLE_READ = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]
TABLE_WRITE = [
    f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
]
COUNTED = "REQUESTS#"
"""What the keys of the counts of requests begin with; ``aws/keys.py`` has it too."""

KNOWING_PROVIDERS = (
    "FAL_QUEUE_URL",
    "FAL_REST_URL",
    "FAL_PLATFORM_URL",
    "ASTRIA_API_URL",
    "ASTRIA_MOCK",
    "LOCAL_MODE",
)
FETCHING = ("LOCAL_MODE",)
COPYING = ("MEDIA_HOSTS", "LOCAL_MODE")
LEASING = ("FAL_SLOTS", "ASTRIA_SLOTS")
POSTING = ("LOCAL_MODE",)
QUOTING = ("MONTHLY_BUDGET_USD", "OPERATOR_BUDGET_USD")
LIMITING = ("REQUESTS_PER_MINUTE", "READS_PER_MINUTE")
AUTHORIZING = ("JWT_ISSUER", "JWT_AUDIENCE", "JWKS_URL", "ALLOW_ANONYMOUS", "REQUIRED_CLAIMS")


class Functions(Construct):
    """All functions, by name in ``by_name``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        storage: Storage,
        parameters: StackParameters,
        stage: Stage,
        architecture: lambda_.Architecture,
        core: Path,
        dependencies: Path,
        provenance: Path,
        evaluation: Path,
    ) -> None:
        super().__init__(scope, construct_id)
        self._storage = storage
        self._parameters = parameters
        self._stage = stage
        self._architecture = architecture
        self._layers = [
            self._layer("Core", core, "The shared package"),
            self._layer("Dependencies", dependencies, "Third-party packages"),
        ]
        self._signing = self._layer("Provenance", provenance, "What signs pictures")
        self._evaluating = self._layer("Evaluation", evaluation, "The scenarios that are shipped")
        self._fetching_is_free = cdk.CfnCondition(
            cdk.Stack.of(self),
            "FetchingIsFree",
            expression=cdk.Fn.condition_equals(parameters.text("FetchConcurrency"), "0"),
        )
        self.by_name: dict[str, lambda_.Function] = {}
        for entry in catalog.FUNCTIONS:
            function = self._function(entry)
            if entry.fetches:
                self._bound(function)
            self._grant(entry, function)
            self.by_name[entry.name] = function
        for entry in catalog.FUNCTIONS:
            for called in entry.invokes:
                self._let_invoke(self.by_name[entry.name], called)

    def _bound(self, function: lambda_.Function) -> None:
        """Let so many of its calls run at once as a parameter says; it then reserves them in the account."""
        resource = function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        number = self._parameters.text("FetchConcurrency")
        nothing = cdk.Fn.ref("AWS::NoValue")
        bound = cdk.Fn.condition_if(self._fetching_is_free.logical_id, nothing, number)
        resource.add_property_override("ReservedConcurrentExecutions", bound)

    def _let_invoke(self, function: lambda_.Function, called: str) -> None:
        _allow(function, ["lambda:InvokeFunction"], [self.by_name[called].function_arn])
        function.add_environment(f"{called.upper()}_NAME", self.by_name[called].function_name)

    def _layer(self, construct_id: str, folder: Path, description: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            construct_id,
            code=lambda_.Code.from_asset(str(folder)),
            description=description,
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[self._architecture],
        )

    def _function(self, entry: catalog.Function) -> lambda_.Function:
        construct_id = pascal(entry.name)
        logs = log_group(self, f"{construct_id}Logs", self._stage)
        # Not the CDK's default role: that one may write to every log group of the account.
        role = iam.Role(
            self,
            f"{construct_id}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        logs.grant_write(role)
        _keep_rights_in(role)
        common: dict[str, Any] = {
            "description": entry.description,
            "memory_size": entry.memory_mb,
            "timeout": cdk.Duration.seconds(entry.timeout_s),
            "environment": self._environment(entry),
            "role": role,
            "log_group": logs,
            "logging_format": lambda_.LoggingFormat.JSON,
            "application_log_level_v2": lambda_.ApplicationLogLevel[self._stage.log_level],
            "tracing": lambda_.Tracing.ACTIVE,
        }
        if entry.image:
            return lambda_.DockerImageFunction(
                self,
                construct_id,
                code=_image(entry, self._stage),
                architecture=lambda_.Architecture.X86_64,
                **common,
            )
        return lambda_.Function(
            self,
            construct_id,
            code=lambda_.Code.from_asset(
                str(ROOT / "functions" / entry.name),
                exclude=NOT_SHIPPED,
                follow_symlinks=cdk.SymlinkFollowMode.ALWAYS,
            ),
            handler="handler.lambda_handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=self._architecture,
            layers=self._layers_of(entry),
            **common,
        )

    def _layers_of(self, entry: catalog.Function) -> list[lambda_.ILayerVersion]:
        signing = [self._signing] if "provenance" in entry.secrets else []
        return [*self._layers, *signing, *([self._evaluating] if entry.evaluates else [])]

    def _environment(self, entry: catalog.Function) -> dict[str, str]:
        """Variables for what the entry uses. Workflows adds the machine that it starts."""
        settings = self._parameters.by_variable
        variables = {
            "FUNCTION_NAME": entry.name,
            "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
        }
        if entry.table != "none":
            variables["TABLE_NAME"] = self._storage.table.table_name
        # A service that knows the table knows the bucket too.
        if entry.table != "none" or entry.reads or entry.writes or entry.shows_media:
            variables["BUCKET_NAME"] = self._storage.bucket.bucket_name
        for secret in entry.secrets:
            # Secrets Manager takes an ARN for a name.
            name = f"{secret.upper().replace('-', '_')}_SECRET_NAME"
            variables[name] = self._storage.keys[secret].secret_arn
        names = [
            *(KNOWING_PROVIDERS if entry.adapters else ()),
            *(FETCHING if entry.fetches else ()),
            *(COPYING if entry.copies else ()),
            *(POSTING if entry.webhooks else ()),
            *(LEASING if entry.leases else ()),
            *(QUOTING if entry.quotes or entry.spends else ()),
            *(LIMITING if entry.is_limited else ()),
            *(AUTHORIZING if entry.trigger == catalog.AUTHORIZER else ()),
        ]
        return variables | {name: settings[name] for name in names}

    def _grant(self, entry: catalog.Function, function: lambda_.Function) -> None:
        bucket, table = self._storage.bucket, self._storage.table
        if entry.table != "none":
            actions = TABLE_READ + TABLE_WRITE if entry.table == "write" else TABLE_READ
            _allow(function, actions, [table.table_arn, f"{table.table_arn}/index/gsi1"])
        if entry.is_limited and entry.table == "read":
            condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{COUNTED}*"]}}
            _allow(function, ["dynamodb:UpdateItem"], [table.table_arn], condition)
        objects = {
            "s3:GetObject": entry.reads,
            "s3:PutObject": entry.writes,
            "s3:DeleteObject": entry.deletes,
        }
        for action, prefixes in objects.items():
            if prefixes:
                _allow(function, [action], [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes])
        if entry.lists:
            _allow(function, ["s3:ListBucket"], [bucket.bucket_arn])
        for secret in entry.secrets:
            self._storage.keys[secret].grant_read(function)
        if entry.publishes:
            bus = cdk.Stack.of(self).format_arn(
                service="events", resource="event-bus", resource_name="default"
            )
            _allow(function, ["events:PutEvents"], [bus])


def _keep_rights_in(role: iam.Role) -> None:
    """Write what a role is granted, also later, into the role, where the CDK makes a policy beside each.

    A stack has 500 resources at most ("Understand CloudFormation quotas" in its user guide, read 2026-11-28).
    """
    granted, resource = role.node.find_child("DefaultPolicy"), role.node.default_child
    assert isinstance(granted, iam.Policy)
    assert isinstance(resource, iam.CfnRole)
    role.node.try_remove_child(granted.node.id)
    resource.policies = [iam.CfnRole.PolicyProperty(policy_name="Rights", policy_document=granted.document)]


def _allow(
    function: lambda_.Function,
    actions: list[str],
    resources: list[str],
    condition: dict[str, dict[str, Any]] | None = None,
) -> None:
    iam.Grant.add_to_principal(
        grantee=function, actions=actions, resource_arns=resources, conditions=condition
    )


def _image(entry: catalog.Function, stage: Stage) -> lambda_.DockerImageCode:
    """A function of an image, whose build context holds ``IN_IMAGE`` only, so no other edit rebuilds it."""
    return lambda_.DockerImageCode.from_image_asset(
        str(ROOT),
        cmd=[f"functions.{entry.name}.handler.lambda_handler"],
        file=f"functions/{entry.image}/Dockerfile",
        build_args={"FACE_ENCODER": stage.face_encoder},
        platform=ecr_assets.Platform.LINUX_AMD64,
        exclude=["**", *(f"!{folder}/**" for folder in IN_IMAGE), *NOT_SHIPPED],
        ignore_mode=cdk.IgnoreMode.DOCKER,
    )
