"""The one stack: composes the constructs and names what others need to know."""

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
from infra.stack_parameters import StackParameters
from infra.stages import Stage
from infra.storage import Storage
from infra.workflows import Workflows

CONSTRUCT_ID = "CharacterIdentity"
"""By this the CDK's command line and the files of cdk.out name the stack, whatever the stage calls it."""
ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


class CharacterIdentity(cdk.Stack):
    """The service in one stage. The four paths are layers, built for ``architecture``."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        architecture: lambda_.Architecture,
        core: Path,
        dependencies: Path,
        provenance: Path,
        evaluation: Path,
        **stack: Any,
    ) -> None:
        super().__init__(
            scope,
            CONSTRUCT_ID,
            stack_name=stage.stack_name,
            termination_protection=stage.protected,
            description="One character, the same in every picture",
            **stack,
        )
        parameters = StackParameters(self, stage)
        cors_origins = parameters.texts("CorsOrigins")
        self.storage = storage = Storage(self, "Storage", cors_origins=cors_origins, stage=stage)
        functions = Functions(
            self,
            "Functions",
            storage=storage,
            parameters=parameters,
            stage=stage,
            architecture=architecture,
            core=core,
            dependencies=dependencies,
            provenance=provenance,
            evaluation=evaluation,
        ).by_name
        workflows = Workflows(
            self,
            "Workflows",
            functions=functions,
            bucket=storage.bucket,
            stage=stage,
        ).by_name
        api = Api(
            self,
            "Api",
            functions=functions,
            cors_origins=cors_origins,
            stage=stage,
        )
        given_url = parameters.text("WebhookUrl")
        own_address = cdk.CfnCondition(self, "OwnAddress", expression=cdk.Fn.condition_equals(given_url, ""))
        webhook_url = cdk.Fn.condition_if(own_address.logical_id, api.url, given_url).to_string()
        for entry in catalog.FUNCTIONS:
            if entry.calls_back:
                functions[entry.name].add_environment("WEBHOOK_URL", webhook_url)
        events = Events(
            self,
            "Events",
            bucket=storage.bucket,
            table=storage.table,
            functions=functions,
            parameters=parameters,
        )
        alarms = Alarms(
            self,
            "Alarms",
            machines=workflows,
            http_api=api.http_api,
            unscored=events.scoring.lost,
            undelivered=events.delivery.lost,
            waiting={"Scoring": events.scoring.waiting, "Delivery": events.delivery.waiting},
            sweep=functions["sweep"],
            email=parameters.text("AlarmEmail"),
        )
        outputs = {
            "ApiUrl": api.url,
            "ApiId": api.http_api.api_id,
            "BucketName": storage.bucket.bucket_name,
            "TableName": storage.table.table_name,
            "TrainIdentityArn": workflows[catalog.TRAIN_IDENTITY].state_machine_arn,
            "GenerateImagesArn": workflows[catalog.GENERATE_IMAGES].state_machine_arn,
            "RunEvaluationArn": workflows[catalog.RUN_EVALUATION].state_machine_arn,
            "SweepName": functions["sweep"].function_name,
            "FalKeySecretName": storage.keys["fal"].secret_arn,
            "FalAdminKeySecretName": storage.keys["fal-admin"].secret_arn,
            "AstriaKeySecretName": storage.keys["astria"].secret_arn,
            "ProvenanceKeySecretName": storage.keys["provenance"].secret_arn,
            "ScoringQueueArn": events.scoring.waiting.queue_arn,
            "UnscoredQueueArn": events.scoring.lost.queue_arn,
            "DeliveryQueueArn": events.delivery.waiting.queue_arn,
            "UndeliveredQueueArn": events.delivery.lost.queue_arn,
            "AlarmTopicArn": alarms.topic.topic_arn,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
