"""A stored picture gets scored and a published event delivered, or waits in a queue for somebody."""

from typing import Any

import pytest

from tests.infra.template import Template, readable, referred

pytestmark = pytest.mark.processes

RULES = {
    "EventsImageStored": ("<FunctionsScoreImage>", "<EventsUnscored>"),
    "EventsEventPublished": ("<FunctionsDeliverEvent>", "<EventsUndelivered>"),
}
EACH_RULE = pytest.mark.parametrize(("rule", "function", "queue"), [(n, *e) for n, e in RULES.items()])


def _rule(template: Template, name: str) -> dict[str, Any]:
    rules = template.resources("AWS::Events::Rule")
    assert len(rules) == len(RULES) + 1  # and the clock
    (found,) = (properties for logical_id, properties in rules.items() if logical_id.startswith(name))
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


def test_all_events_of_ours_start_the_delivery(template: Template) -> None:
    from character_identity.aws.event_bus import SOURCE

    assert _rule(template, "EventsEventPublished")["EventPattern"] == {"source": [SOURCE]}


@EACH_RULE
def test_a_rule_calls_its_function_and_tries_again(
    template: Template, rule: str, function: str, queue: str
) -> None:
    found = _rule(template, rule)
    (target,) = found["Targets"]
    assert found["State"] == "ENABLED"
    assert readable(target["Arn"]) == function
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 4, "MaximumEventAgeInSeconds": 7200}
    assert readable(target["DeadLetterConfig"]["Arn"]) == queue


@EACH_RULE
def test_an_event_on_which_the_function_fails_is_kept(
    template: Template, rule: str, function: str, queue: str
) -> None:
    (asynchronous,) = (
        each
        for each in template.resources("AWS::Lambda::EventInvokeConfig").values()
        if readable(each["FunctionName"]) == function
    )
    assert readable(asynchronous["DestinationConfig"]["OnFailure"]["Destination"]) == queue
    assert asynchronous["MaximumRetryAttempts"] == 2


@EACH_RULE
def test_eventbridge_may_write_to_the_queue_and_only_over_tls(
    template: Template, rule: str, function: str, queue: str
) -> None:
    (policy,) = (
        each
        for each in template.resources("AWS::SQS::QueuePolicy").values()
        if [readable(named) for named in each["Queues"]] == [queue]
    )
    statements = policy["PolicyDocument"]["Statement"]
    deny, allow = sorted(statements, key=lambda statement: str(statement["Effect"]), reverse=True)
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (allow["Action"], allow["Principal"]) == ("sqs:SendMessage", {"Service": "events.amazonaws.com"})
    assert readable(allow["Resource"]) == queue
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
