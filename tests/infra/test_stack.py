"""What a person who deploys gives and gets; logs and alarms; rules of other people."""

import pytest

from infra.stages import DAYS, read_stage
from tests.infra.template import Template, readable, referred

pytestmark = pytest.mark.processes

OUTPUTS = {
    "ApiId": "<ApiHttp>",
    "BucketName": "<StorageMedia>",
    "TableName": "<StorageState>",
    "TrainIdentityArn": "<WorkflowsTrainIdentity>",
    "GenerateImagesArn": "<WorkflowsGenerateImages>",
    "RunEvaluationArn": "<WorkflowsRunEvaluation>",
    "SweepName": "<FunctionsSweep>",
    "FalKeySecretName": "<StorageFalKey>",
    "FalAdminKeySecretName": "<StorageFalAdminKey>",
    "AstriaKeySecretName": "<StorageAstriaKey>",
    "ProvenanceKeySecretName": "<StorageProvenanceKey>",
    "AlarmTopicArn": "<AlarmsTopic>",
    "ScoringQueueArn": "<EventsToScore>",
    "UnscoredQueueArn": "<EventsUnscored>",
    "DeliveryQueueArn": "<EventsToDeliver>",
    "UndeliveredQueueArn": "<EventsUndelivered>",
}


def test_outputs(template: Template) -> None:
    outputs = {name: readable(each["Value"]) for name, each in template.document["Outputs"].items()}
    outputs.pop("ApiUrl")
    assert outputs == OUTPUTS


def test_the_address_of_the_api_is_one_that_paths_are_put_behind(template: Template) -> None:
    """As the README's front end and its curl do, and as ``apiUrl`` of a local run: it ends in no slash."""
    (api,) = template.resources("AWS::ApiGatewayV2::Api")
    assert template.document["Outputs"]["ApiUrl"]["Value"] == {"Fn::GetAtt": [api, "ApiEndpoint"]}


def test_all_logs_end(template: Template) -> None:
    groups = template.resources("AWS::Logs::LogGroup").values()
    machines = len(template.resources("AWS::StepFunctions::StateMachine"))
    assert len(groups) == len(template.functions()) + machines + 1  # and the API's access log
    assert {group["RetentionInDays"] for group in groups} == {read_stage("prod").log_retention_days}


def test_what_aws_writes_itself_needs_no_place_of_its_own_in_the_accounts_policy(template: Template) -> None:
    """Two stages, deployed and deleted some times, would fill it, and the next deployment fail."""
    groups = template.resources("AWS::Logs::LogGroup")
    of_functions = {referred(each["LoggingConfig"]["LogGroup"]) for each in template.functions().values()}
    names = {
        logical_id: readable(group["LogGroupName"])
        for logical_id, group in groups.items()
        if logical_id not in of_functions
    }
    assert len(names) == len(template.resources("AWS::StepFunctions::StateMachine")) + 1
    assert names == {each: f"/aws/vendedlogs/<AWS::StackName>-{each}" for each in names}


def test_alarms_watch_what_matters(template: Template) -> None:
    from infra.monitoring import (
        COUNTED,
        LONGEST_WAIT,
        NEARLY_USED_PERCENT,
    )  # it loads the CDK, which starts Node

    namespace = "<AWS::StackName>"
    alarms = template.resources("AWS::CloudWatch::Alarm")
    watched = {
        (readable(metric["Namespace"]), metric["MetricName"], readable(dimension["Value"]))
        for alarm in alarms.values()
        for stat in alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}])
        if (metric := stat.get("MetricStat", {}).get("Metric"))
        for dimension in metric.get("Dimensions", [{"Value": ""}])
    }
    for machine in ("TrainIdentity", "GenerateImages", "RunEvaluation"):
        for outcome in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"):
            assert ("AWS/States", outcome, f"<Workflows{machine}>") in watched
    assert ("AWS/ApiGateway", "5xx", "<ApiHttp>") in watched
    for queue in ("<EventsUnscored>", "<EventsUndelivered>"):
        assert ("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue) in watched
    for queue in ("<EventsToScore>", "<EventsToDeliver>"):
        assert ("AWS/SQS", "ApproximateAgeOfOldestMessage", queue) in watched
    longest_tries_s = max(
        queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]
        for queue in template.resources("AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue
    )
    assert longest_tries_s < LONGEST_WAIT.to_seconds()
    for metric in ("Errors", "Invocations"):
        assert ("AWS/Lambda", metric, "<FunctionsSweep>") in watched
    assert (namespace, "OperatorBudgetUsed", "sweep") in watched
    thresholds = {alarm["Threshold"] for alarm in alarms.values()}
    assert thresholds == {1, NEARLY_USED_PERCENT, LONGEST_WAIT.to_seconds()}
    for metric in COUNTED:
        assert (namespace, metric, "") in watched
    assert len(alarms) == 11 + len(COUNTED)


def test_every_alarm_tells_the_topic_and_whoever_is_named(template: Template) -> None:
    for name, alarm in template.resources("AWS::CloudWatch::Alarm").items():
        for told in ("AlarmActions", "OKActions"):
            assert [readable(each) for each in alarm[told]] == ["<AlarmsTopic>"], name
    (subscription,) = (
        each for each in template.document["Resources"].values() if each["Type"] == "AWS::SNS::Subscription"
    )
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}
    condition = template.document["Conditions"][subscription["Condition"]]
    assert condition == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}


def test_only_alarms_of_this_account_may_publish_to_the_topic(template: Template) -> None:
    statements = template.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allow,) = (each for each in statements if each["Effect"] == "Allow")
    assert (allow["Action"], allow["Principal"]) == ("sns:Publish", {"Service": "cloudwatch.amazonaws.com"})
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_a_sweep_that_does_not_run_raises_an_alarm(template: Template) -> None:
    (alarm,) = (
        each
        for each in template.resources("AWS::CloudWatch::Alarm").values()
        if each.get("MetricName") == "Invocations"
    )
    assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("LessThanThreshold", "breaching")
    assert alarm["Period"] == 900


def test_what_is_counted_again_and_again_is_one_alarm(template: Template) -> None:
    """A paid result that is parked for a week would be told, and be over, a thousand times."""
    from character_identity.services.jobs.workflow import PARKED_CHECKED_AFTER

    (period_s,) = (
        alarm["Period"]
        for alarm in template.resources("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ParkedResults"
    )
    assert period_s > PARKED_CHECKED_AFTER.total_seconds()


def test_the_receipt_of_an_erasure_says_how_long_things_really_stay(template: Template) -> None:
    from character_identity.aws.event_table import KEPT
    from character_identity.domain.erasure import STAYS

    days = {where: kept for where, _, _, kept in STAYS}
    deleted_within = 3  # days, in which AWS deletes what has expired
    assert (days["logs"], days["events"]) == (max(DAYS) + deleted_within, KEPT.days + deleted_within)
    backups = template.only("AWS::DynamoDB::Table")["PointInTimeRecoverySpecification"]
    assert days["backups"] == backups.get("RecoveryPeriodInDays", 35)


@pytest.mark.parametrize("key", ["fal", "astria"])
def test_no_key_of_a_provider_is_in_an_environment(template: Template, key: str) -> None:
    for name, function in template.functions().items():
        assert f"{key.upper()}_KEY" not in function["Environment"]["Variables"], name


def test_there_is_room_for_ten_more_functions(template: Template) -> None:
    """Each takes up to six resources of the 500 that a stack may have.

    "Understand CloudFormation quotas" in CloudFormation's user guide, read 2026-11-28.
    """
    assert len(template.document["Resources"]) <= 500 - 10 * 6
