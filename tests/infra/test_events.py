"""A stored picture gets scored, or waits in a queue where somebody finds it."""

from tests.infra.template import Template, readable, referred


def test_only_pictures_of_generations_start_the_scoring(template: Template) -> None:
    pattern = template.only("AWS::Events::Rule")["EventPattern"]
    (bucket,) = template.resources("AWS::S3::Bucket")
    assert pattern == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [{"Ref": bucket}]},
            "object": {"key": [{"prefix": "generations/"}]},
        },
    }


def test_the_rule_calls_the_scoring_and_tries_again(template: Template) -> None:
    rule = template.only("AWS::Events::Rule")
    (target,) = rule["Targets"]
    assert rule["State"] == "ENABLED"
    assert readable(target["Arn"]) == "<FunctionsScoreImage>"
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 4, "MaximumEventAgeInSeconds": 7200}
    assert readable(target["DeadLetterConfig"]["Arn"]) == "<EventsUnscored>"


def test_an_event_on_which_the_function_fails_is_kept(template: Template) -> None:
    asynchronous = template.only("AWS::Lambda::EventInvokeConfig")
    assert readable(asynchronous["FunctionName"]) == "<FunctionsScoreImage>"
    assert readable(asynchronous["DestinationConfig"]["OnFailure"]["Destination"]) == "<EventsUnscored>"
    assert asynchronous["MaximumRetryAttempts"] == 2


def test_eventbridge_may_write_to_the_queue_and_only_over_tls(template: Template) -> None:
    (queue,) = template.resources("AWS::SQS::Queue")
    statements = template.only("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    deny, allow = sorted(statements, key=lambda statement: str(statement["Effect"]), reverse=True)
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (allow["Action"], allow["Principal"]) == ("sqs:SendMessage", {"Service": "events.amazonaws.com"})
    assert referred(allow["Resource"]) == queue
    assert "aws:SourceArn" in allow["Condition"]["ArnEquals"]
