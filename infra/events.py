"""Events and schedules: stored images are scored, events delivered, and every minute is swept."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

SCORED_PREFIX = "generations/"
SOURCE = "character-identity"
"""Of the events that we publish; ``aws/event_bus.py`` has it too."""
TRIED_FOR = cdk.Duration.hours(2)


class Events(Construct):
    """The rules, each from an event to its function.

    What fails for good waits in ``unscored`` or ``undelivered``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.Bucket,
        score_image: lambda_.Function,
        deliver_event: lambda_.Function,
        sweep: lambda_.Function,
    ) -> None:
        super().__init__(scope, construct_id)
        self.unscored = self._call(
            score_image,
            "ImageStored",
            "A picture was stored: score it",
            events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"prefix": SCORED_PREFIX}]},
                },
            ),
            lost="Unscored",
        )
        self.undelivered = self._call(
            deliver_event,
            "EventPublished",
            "Something ended, or webhooks are due: send them",
            events.EventPattern(source=[SOURCE]),
            lost="Undelivered",
        )
        self._every_minute(sweep)

    def _every_minute(self, sweep: lambda_.Function) -> None:
        """One that fails or comes too late is not repeated: the next does the same."""
        sweep.configure_async_invoke(retry_attempts=0, max_event_age=cdk.Duration.minutes(1))
        events.Rule(
            self,
            "EveryMinute",
            description="Settle what is due and nobody has seen to",
            schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
            targets=[targets.LambdaFunction(sweep, retry_attempts=0, max_event_age=cdk.Duration.minutes(1))],
        )

    def _call(
        self,
        function: lambda_.Function,
        construct_id: str,
        description: str,
        pattern: events.EventPattern,
        *,
        lost: str,
    ) -> sqs.Queue:
        """Let a function see to events; returns the queue of those on which that failed.

        Two ways to lose one: EventBridge cannot deliver it, or the function fails on it every time.
        """
        queue = sqs.Queue(self, lost, enforce_ssl=True, retention_period=cdk.Duration.days(14))
        function.configure_async_invoke(
            on_failure=destinations.SqsDestination(queue), retry_attempts=2, max_event_age=TRIED_FOR
        )
        events.Rule(
            self,
            construct_id,
            description=description,
            event_pattern=pattern,
            targets=[
                targets.LambdaFunction(
                    function, dead_letter_queue=queue, retry_attempts=4, max_event_age=TRIED_FOR
                )
            ],
        )
        return queue
