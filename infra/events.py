"""What happens by itself: a picture that is stored gets scored."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

SCORED_PREFIX = "generations/"


class Events(Construct):
    """The rule from the bucket to the scoring function; what fails for good waits in ``unscored``."""

    def __init__(
        self, scope: Construct, construct_id: str, *, bucket: s3.Bucket, score_image: lambda_.Function
    ) -> None:
        super().__init__(scope, construct_id)
        self.unscored = sqs.Queue(self, "Unscored", enforce_ssl=True, retention_period=cdk.Duration.days(14))
        # Two ways to lose an event: EventBridge cannot deliver it, or the function fails on it every time.
        score_image.configure_async_invoke(
            on_failure=destinations.SqsDestination(self.unscored),
            retry_attempts=2,
            max_event_age=cdk.Duration.hours(2),
        )
        events.Rule(
            self,
            "PictureStored",
            description="A picture was stored: score it",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"prefix": SCORED_PREFIX}]},
                },
            ),
            targets=[
                targets.LambdaFunction(
                    score_image,
                    dead_letter_queue=self.unscored,
                    retry_attempts=4,
                    max_event_age=cdk.Duration.hours(2),
                )
            ],
        )
