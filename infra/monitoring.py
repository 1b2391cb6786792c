"""Logs that end, and the alarms that somebody should get up for."""

from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.catalog import pascal
from infra.stages import Stage

AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
}


def log_group(scope: Construct, construct_id: str, stage: Stage) -> logs.LogGroup:
    """A log group that keeps its lines as long as the stage says and goes with the stack."""
    return logs.LogGroup(
        scope,
        construct_id,
        retention=RETENTION[stage.log_retention_days],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


VENDED = "/aws/vendedlogs/"
"""Prefix of what AWS writes itself. Any other group is added to one policy of the account, which takes 5,120
characters, and stays there: https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html and
https://github.com/aws/aws-cdk/issues/19353, read 2026-11-29."""


def vended_log_group(scope: Construct, construct_id: str, stage: Stage) -> logs.LogGroup:
    """A log group of the API or of a state machine, named as CloudFormation would."""
    group = log_group(scope, construct_id, stage)
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    logical_id = cdk.Stack.of(group).get_logical_id(resource)
    resource.log_group_name = f"{VENDED}{cdk.Aws.STACK_NAME}-{logical_id}"
    return group


NAMESPACE = cdk.Aws.STACK_NAME
"""Of the metrics that functions count, so that no stage alarms for another."""
NEARLY_USED_PERCENT = 80
COUNTED = {
    "ParkedResults": "A paid result lies on a host that is not allowed, or cannot be stored: see the log",
    "UnsignedPictures": "A picture was stored without a signature, though there is a key; the log says why",
    "ChangedPrices": "A provider's price is not that of our list, by which budgets are kept; the log has it",
    "ImplausibleBills": "A provider bills far from the estimate, or more than was set aside; the log has it",
}
"""What functions count in the embedded metric format, with what to do about it."""
LONGEST_WAIT = cdk.Duration.hours(3)
"""In a queue: after all of its tries, for which it takes two and a half at most, a message is in another."""
COUNTED_WITHIN = cdk.Duration.minutes(30)
"""Longer than the time after which anything is counted again, lest an alarm end and sound each time."""


class Alarms(Construct):
    """On failed executions, an API that answers 5xx, what was not scored or delivered, bills, and the sweep.

    Failing tasks need no alarm of their own: they end in a failed execution. All alarms tell ``topic``, when
    they sound and when they are over. ``waiting`` are the queues of work.
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
        waiting: Mapping[str, sqs.Queue],
        sweep: lambda_.Function,
        email: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = self._topic(email)
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
        for name, queue in waiting.items():
            self._alarm(
                f"{name}Waits",
                "An event has waited for hours: its function is not called, or does not keep up",
                queue.metric_approximate_age_of_oldest_message(statistic="Maximum"),
                threshold=LONGEST_WAIT.to_seconds(),
            )
        self._alarm(
            "SweepFailed",
            "The sweep ended in an error: something could not be settled, or was due for an hour",
            sweep.metric_errors(statistic="Sum"),
        )
        for metric, counted in COUNTED.items():
            self._alarm(metric, counted, _counted(metric))
        self._alarm(
            "OperatorBudgetLow",
            f"{NEARLY_USED_PERCENT} % of the operator's month are used; at 100 every order is refused",
            cloudwatch.Metric(
                namespace=NAMESPACE,
                metric_name="OperatorBudgetUsed",
                dimensions_map={"service": "sweep"},
                statistic="Maximum",
                period=cdk.Duration.minutes(5),
            ),
            threshold=NEARLY_USED_PERCENT,
        )
        self._alarm(
            "SweepMissing",
            "The sweep did not run for a quarter of an hour: what dies now is not found",
            sweep.metric_invocations(statistic="Sum", period=cdk.Duration.minutes(15)),
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )

    def _topic(self, email: str) -> sns.Topic:
        topic = sns.Topic(self, "Topic", display_name="Alarms of the characters", enforce_ssl=True)
        # Its policy takes the place of the default one, which would let the account's alarms in.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
        somebody = cdk.CfnCondition(
            self, "Somebody", expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(email, ""))
        )
        subscription = sns.CfnSubscription(
            self, "Email", protocol="email", endpoint=email, topic_arn=topic.topic_arn
        )
        subscription.cfn_options.condition = somebody
        return topic

    def _alarm(
        self,
        construct_id: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        comparison_operator: cloudwatch.ComparisonOperator = AT_LEAST,
        treat_missing_data: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
        threshold: float = 1,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=comparison_operator,
            treat_missing_data=treat_missing_data,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))


def _counted(metric: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(namespace=NAMESPACE, metric_name=metric, statistic="Sum", period=COUNTED_WITHIN)


def _sum(metrics: Iterable[cloudwatch.Metric]) -> cloudwatch.MathExpression:
    named: dict[str, cloudwatch.IMetric] = {
        f"m{index}": metric.with_(statistic="Sum") for index, metric in enumerate(metrics)
    }
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in named),
        using_metrics=named,
        period=cdk.Duration.minutes(5),
    )
