"""The one stack: composes the constructs and names what others need to know."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import catalog
from infra.api import Api
from infra.events import Events
from infra.functions import Functions
from infra.monitoring import Alarms
from infra.parameters import Parameters
from infra.storage import Storage
from infra.workflows import Workflows

ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


class CharacterIdentity(cdk.Stack):
    """The service. ``core`` and ``dependencies`` are folders of layers, built for ``architecture``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        architecture: lambda_.Architecture,
        core: Path,
        dependencies: Path,
        removal: cdk.RemovalPolicy,
        entries: Sequence[catalog.Function] = catalog.FUNCTIONS,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        parameters = Parameters(self)
        self.storage = storage = Storage(
            self, "Storage", cors_origins=parameters.cors_origins, removal=removal
        )
        functions = Functions(
            self,
            "Functions",
            entries=entries,
            storage=storage,
            parameters=parameters,
            architecture=architecture,
            core=core,
            dependencies=dependencies,
        ).by_name
        workflows = Workflows(self, "Workflows", entries=entries, functions=functions).by_name
        api = Api(self, "Api", entries=entries, functions=functions, cors_origins=parameters.cors_origins)
        own_address = cdk.CfnCondition(
            self, "OwnAddress", expression=cdk.Fn.condition_equals(parameters.webhook_url, "")
        )
        webhook_url = cdk.Fn.condition_if(
            own_address.logical_id, api.http_api.api_endpoint, parameters.webhook_url
        ).to_string()
        for entry in entries:
            if entry.calls_back:
                functions[entry.name].add_environment("WEBHOOK_URL", webhook_url)
        events = Events(
            self,
            "Events",
            bucket=storage.bucket,
            score_image=functions["score_image"],
            deliver_event=functions["deliver_event"],
            sweep=functions["sweep"],
        )
        Alarms(
            self,
            "Alarms",
            machines=workflows,
            http_api=api.http_api,
            unscored=events.unscored,
            undelivered=events.undelivered,
            sweep=functions["sweep"],
        )
        outputs = {
            "ApiUrl": api.url,
            "ApiId": api.http_api.api_id,
            "BucketName": storage.bucket.bucket_name,
            "TableName": storage.table.table_name,
            "TrainIdentityArn": workflows[catalog.TRAIN_IDENTITY].state_machine_arn,
            "GenerateImagesArn": workflows[catalog.GENERATE_IMAGES].state_machine_arn,
            "SweepName": functions["sweep"].function_name,
            "FalKeySecretName": storage.provider_keys["fal"].secret_arn,
            "AstriaKeySecretName": storage.provider_keys["astria"].secret_arn,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
