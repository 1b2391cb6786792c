"""A stored picture gets scored and a published event delivered, or lies in a queue for somebody."""

from typing import Any

import pytest

from infra import catalog
from infra.catalog import pascal
from tests.infra.template import Template, as_list, readable, referred

pytestmark = pytest.mark.processes

RULES = {
    "EventsImageStored": ("<EventsToScore>", "<EventsUnscored>"),
    "EventsEventPublished": ("<EventsToDeliver>", "<EventsUndelivered>"),
}
FED = {"<EventsToScore>": "score_image", "<EventsToDeliver>": "deliver_event"}
EACH_RULE = pytest.mark.parametrize(("rule", "waiting", "lost"), [(n, *e) for n, e in RULES.items()])
EACH_QUEUE = pytest.mark.parametrize(("waiting", "lost"), RULES.values())


def _rule(template: Template, name: str) -> dict[str, Any]:
    rules = template.resources("AWS::Events::Rule")
    assert len(rules) == len(RULES) + 2  # and the clock, by the minute and the day
    (found,) = (properties for logical_id, properties in rules.items() if logical_id.startswith(name))
    return found


def _queue(template: Template, name: str) -> dict[str, Any]:
    (found,) = (
        properties
        for logical_id, properties in template.resources("AWS::SQS::Queue").items()
        if readable({"Ref": logical_id}) == name
    )
    return found


def test_only_images_of_generations_start_the_scoring(template: Template) -> None:
    (bucket,) = template.resources("AWS::S3::Bucket")
    assert _rule(template, "EventsImageStored")["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [{"Ref": bucket}]},
            "object": {"key": [{"prefix": "generations/"}]},
        },
    }


def test_all_events_of_this_stage_start_the_delivery_and_no_other(template: Template) -> None:
    """Stages of one account share the bus; what publishes names its table, before the rule asks for it."""
    from character_identity.aws.event_bus import SOURCE

    (table,) = template.resources("AWS::DynamoDB::Table")
    pattern = _rule(template, "EventsEventPublished")["EventPattern"]
    assert pattern == {"source": [SOURCE], "resources": [{"Ref": table}]}
    (rule,) = (name for name in template.resources("AWS::Events::Rule") if "EventPublished" in name)
    publishing = {pascal(entry.name) for entry in catalog.FUNCTIONS if entry.publishes}
    before = template.document["Resources"][rule]["DependsOn"]
    assert {readable({"Ref": each}) for each in before} == {f"<Functions{name}>" for name in publishing}


@EACH_RULE
def test_a_rule_fills_a_queue_and_what_it_cannot_put_there_is_kept(
    template: Template, rule: str, waiting: str, lost: str
) -> None:
    found = _rule(template, rule)
    (target,) = found["Targets"]
    assert found["State"] == "ENABLED"
    assert readable(target["Arn"]) == waiting
    assert "InputTransformer" not in target and "InputPath" not in target, "another shape than the lost ones"
    assert readable(target["DeadLetterConfig"]["Arn"]) == lost


@EACH_QUEUE
def test_a_function_takes_batches_and_tells_which_messages_failed(
    template: Template, waiting: str, lost: str
) -> None:
    (mapping,) = (
        each
        for each in template.resources("AWS::Lambda::EventSourceMapping").values()
        if readable(each["EventSourceArn"]) == waiting
    )
    entry = next(each for each in catalog.FUNCTIONS if each.name == FED[waiting])
    assert entry.queue is not None
    assert readable(mapping["FunctionName"]) == f"<Functions{pascal(entry.name)}>"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == entry.queue.batch <= 10, "more than ten need a longer window"
    assert mapping["MaximumBatchingWindowInSeconds"] == entry.queue.window_s
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": entry.queue.concurrency}}


@EACH_QUEUE
def test_a_message_is_tried_five_times_with_time_between_and_then_kept(
    template: Template, waiting: str, lost: str
) -> None:
    """Six times the function's timeout and the window: what AWS recommends, or batches come twice."""
    queue, dead = _queue(template, waiting), _queue(template, lost)
    assert readable(queue["RedrivePolicy"]["deadLetterTargetArn"]) == lost
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    mapping = next(
        each
        for each in template.resources("AWS::Lambda::EventSourceMapping").values()
        if readable(each["EventSourceArn"]) == waiting
    )
    timeout_s = template.functions()[FED[waiting]]["Timeout"]
    assert queue["VisibilityTimeout"] == 6 * timeout_s + mapping["MaximumBatchingWindowInSeconds"]
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert "RedrivePolicy" not in dead


@EACH_QUEUE
def test_nothing_but_events_gets_into_a_queue(template: Template, waiting: str, lost: str) -> None:
    """One shape of message: no function has a destination of its own, or a right to send."""
    asynchronous = template.resources("AWS::Lambda::EventInvokeConfig").values()
    assert [each for each in asynchronous if "DestinationConfig" in each] == []
    assert [each for each in template.functions().values() if "DeadLetterConfig" in each] == []
    rights = {right for each in template.functions().values() for right in template.rights(each["Role"])}
    assert not {right for right in rights if right[0] == "sqs:SendMessage"}


def test_who_waits_for_an_answer_of_the_encoder_is_answered_by_a_function_that_no_queue_feeds(
    template: Template,
) -> None:
    of_image = {name: each for name, each in template.functions().items() if "ImageConfig" in each}
    assert of_image.keys() == {"analyze_images", "compare_images", "compile_evaluation", "score_image"}
    assert all(each["Code"] == of_image["score_image"]["Code"] for each in of_image.values())
    commands = {name: each["ImageConfig"]["Command"] for name, each in of_image.items()}
    assert commands == {name: [f"functions.{name}.handler.lambda_handler"] for name in commands}
    fed = template.resources("AWS::Lambda::EventSourceMapping").values()
    assert {readable(each["FunctionName"]) for each in fed} == {
        "<FunctionsScoreImage>",
        "<FunctionsDeliverEvent>",
    }


@pytest.mark.parametrize("queue", sorted({queue for queues in RULES.values() for queue in queues}))
def test_eventbridge_may_write_to_the_queue_and_only_over_tls(template: Template, queue: str) -> None:
    (policy,) = (
        each
        for each in template.resources("AWS::SQS::QueuePolicy").values()
        if [readable(named) for named in each["Queues"]] == [queue]
    )
    statements = policy["PolicyDocument"]["Statement"]
    deny, allow = sorted(statements, key=lambda statement: str(statement["Effect"]), reverse=True)
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert "sqs:SendMessage" in as_list(allow["Action"])
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert readable(allow["Resource"]) == queue
    rule = next(name for name, queues in RULES.items() if queue in queues)
    assert referred(allow["Condition"]["ArnEquals"]["aws:SourceArn"]).startswith(rule)


def test_every_minute_is_swept_and_no_sweep_is_made_up_for(template: Template) -> None:
    rule = _rule(template, "EventsEveryMinute")
    (target,) = rule["Targets"]
    assert (rule["State"], rule["ScheduleExpression"]) == ("ENABLED", "rate(1 minute)")
    assert readable(target["Arn"]) == "<FunctionsSweep>"
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    (asynchronous,) = (
        each
        for each in template.resources("AWS::Lambda::EventInvokeConfig").values()
        if readable(each["FunctionName"]) == "<FunctionsSweep>"
    )
    assert asynchronous["MaximumRetryAttempts"] == 0


def test_prices_are_compared_once_a_day(template: Template) -> None:
    rule = _rule(template, "EventsEveryDay")
    (target,) = rule["Targets"]
    assert (rule["State"], rule["ScheduleExpression"]) == ("ENABLED", "rate(1 day)")
    assert readable(target["Arn"]) == "<FunctionsCheckPrices>"
