"""Logs that end, and the alarms that somebody should get up for."""

from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.catalog import pascal


def log_group(scope: Construct, construct_id: str) -> logs.LogGroup:
    """A log group that keeps one month and goes with the stack."""
    return logs.LogGroup(
        scope,
        construct_id,
        retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


NAMESPACE = "CharacterIdentity"
COUNTED = {
    "ImplausibleBills": "A provider bills far from the estimate, or more than was set aside; the log has it",
}
"""What functions count in the embedded metric format, with what to do about it."""


class Alarms(Construct):
    """On failed executions, an API that answers 5xx, what was not scored or delivered, bills, and the sweep.

    Failing tasks need no alarm of their own: they end in a failed execution.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machines: Mapping[str, sfn.StateMachine],
        http_api: apigateway.HttpApi,
        unscored: sqs.Queue,
        undelivered: sqs.Queue,
        sweep: lambda_.Function,
    ) -> None:
        super().__init__(scope, construct_id)
        for name, machine in machines.items():
            self._alarm(
                f"{pascal(name)}Failed",
                f"An execution of {name} failed or timed out",
                _sum([machine.metric_failed(), machine.metric_timed_out(), machine.metric_aborted()]),
            )
        self._alarm(
            "ApiFailed",
            "The API answered with a 5xx: an unhandled exception, or a provider in trouble",
            http_api.metric_server_error(statistic="Sum"),
        )
        self._alarm(
            "ImageNotScored",
            "A stored image was not scored; the queue holds the event",
            unscored.metric_approximate_number_of_messages_visible(statistic="Maximum"),
        )
        self._alarm(
            "EventNotDelivered",
            "The webhooks of an event were not even attempted; the queue holds it",
            undelivered.metric_approximate_number_of_messages_visible(statistic="Maximum"),
        )
        self._alarm(
            "SweepFailed",
            "The sweep ended in an error: something could not be settled, or was due for an hour",
            sweep.metric_errors(statistic="Sum"),
        )
        for metric, description in COUNTED.items():
            self._alarm(metric, description, _counted(metric))
        cloudwatch.Alarm(
            self,
            "SweepMissing",
            alarm_description="The sweep did not run for a quarter of an hour: what dies now is not found",
            metric=sweep.metric_invocations(statistic="Sum", period=cdk.Duration.minutes(15)),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )

    def _alarm(self, construct_id: str, description: str, metric: cloudwatch.IMetric) -> None:
        cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


def _counted(metric: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=metric, statistic="Sum", period=cdk.Duration.minutes(5)
    )


def _sum(metrics: Iterable[cloudwatch.Metric]) -> cloudwatch.MathExpression:
    named: dict[str, cloudwatch.IMetric] = {
        f"m{index}": metric.with_(statistic="Sum") for index, metric in enumerate(metrics)
    }
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in named),
        using_metrics=named,
        period=cdk.Duration.minutes(5),
    )
