"""Events and schedules: stored images are scored, events delivered, jobs swept, prices compared.

What a function fails on several times lies in a dead-letter queue.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from character_identity.domain.object_keys import GENERATIONS
from infra import catalog
from infra.stack_parameters import StackParameters

SOURCE = "character-identity"
"""Of the events that we publish; ``aws/event_bus.py`` has it too."""
TRIES = 5
HIDDEN_FOR = 6
"""Times the function's timeout, so that what waits for a free function is not given out twice. This and the
number of tries: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html, read 2026-11-28."""
KEPT = cdk.Duration.days(14)


@dataclass(frozen=True, kw_only=True)
class Queues:
    """The queue that a function is fed from, and that of the events on which it failed every time.

    Each message of either is an event as EventBridge wrote it, so that what was lost can be moved back.
    """

    waiting: sqs.Queue
    lost: sqs.Queue


class Events(Construct):
    """The rules, each from an event to the queue of a function, and the clock."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.Bucket,
        table: dynamodb.Table,
        functions: Mapping[str, lambda_.Function],
        parameters: StackParameters,
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
        self._parameters = parameters
        by_trigger = {entry.trigger: entry for entry in catalog.FUNCTIONS}
        self.scoring = self._queues(by_trigger[catalog.IMAGE_STORED], waiting="ToScore", lost="Unscored")
        self._rule(
            "ImageStored",
            "A picture was stored: score it",
            events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"prefix": GENERATIONS}]},
                },
            ),
            self.scoring,
        )
        self.delivery = self._queues(
            by_trigger[catalog.EVENT_PUBLISHED], waiting="ToDeliver", lost="Undelivered"
        )
        published = self._rule(
            "EventPublished",
            "Something ended, or webhooks are due: send them",
            # Those of this stage: the others of the account use the same bus.
            events.EventPattern(source=[SOURCE], resources=[table.table_name]),
            self.delivery,
        )
        # Functions of 0.1.0 name no table, so they are replaced before the rule asks for it.
        published.node.add_dependency(
            *(functions[entry.name].node.default_child for entry in catalog.FUNCTIONS if entry.publishes)
        )
        self._every(
            "Minute",
            cdk.Duration.minutes(1),
            functions[by_trigger[catalog.EVERY_MINUTE].name],
            "Settle what is due and nobody has seen to",
        )
        self._every(
            "Day",
            cdk.Duration.days(1),
            functions[by_trigger[catalog.EVERY_DAY].name],
            "Compare the providers' prices with our list",
        )

    def _every(self, unit: str, interval: cdk.Duration, function: lambda_.Function, description: str) -> None:
        """A run that fails or comes too late is not repeated: the next does the same."""
        too_late = cdk.Duration.minutes(1)
        function.configure_async_invoke(retry_attempts=0, max_event_age=too_late)
        events.Rule(
            self,
            f"Every{unit}",
            description=description,
            schedule=events.Schedule.rate(interval),
            targets=[targets.LambdaFunction(function, retry_attempts=0, max_event_age=too_late)],
        )

    def _rule(
        self, construct_id: str, description: str, pattern: events.EventPattern, queues: Queues
    ) -> events.Rule:
        return events.Rule(
            self,
            construct_id,
            description=description,
            event_pattern=pattern,
            targets=[targets.SqsQueue(queues.waiting, dead_letter_queue=queues.lost)],
        )

    def _queues(self, entry: catalog.Function, *, waiting: str, lost: str) -> Queues:
        """Feed a function from a queue."""
        assert entry.queue is not None
        lost_queue = sqs.Queue(self, lost, enforce_ssl=True, retention_period=KEPT)
        waiting_queue = sqs.Queue(
            self,
            waiting,
            enforce_ssl=True,
            retention_period=KEPT,
            visibility_timeout=cdk.Duration.seconds(HIDDEN_FOR * entry.timeout_s + entry.queue.window_s),
            dead_letter_queue=sqs.DeadLetterQueue(queue=lost_queue, max_receive_count=TRIES),
        )
        self._functions[entry.name].add_event_source(
            sources.SqsEventSource(
                waiting_queue,
                batch_size=entry.queue.batch,
                max_batching_window=cdk.Duration.seconds(entry.queue.window_s),
                report_batch_item_failures=True,
                max_concurrency=cdk.Token.as_number(self._parameters.text(entry.queue.concurrency)),
            )
        )
        return Queues(waiting=waiting_queue, lost=lost_queue)
