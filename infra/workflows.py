"""The state machines, each read from its ``.asl.json`` file."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from character_identity.domain.object_keys import EVALUATIONS
from infra import catalog
from infra.catalog import pascal
from infra.monitoring import vended_log_group
from infra.stages import Stage

DEFINITIONS = Path(__file__).parent / "state_machines"


class Workflows(Construct):
    """The state machines, by name in ``by_name``; each may invoke the functions that its file names."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, lambda_.Function],
        bucket: s3.Bucket,
        stage: Stage,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self.by_name: dict[str, sfn.StateMachine] = {
            path.name.removesuffix(".asl.json"): self._state_machine(path, functions)
            for path in sorted(DEFINITIONS.glob("*.asl.json"))
        }
        waking: dict[tuple[str, ...], list[lambda_.Function]] = defaultdict(list)
        for entry in catalog.FUNCTIONS:
            for name in entry.starts:
                machine = self.by_name[name]
                machine.grant_start_execution(functions[entry.name])
            for name in sorted({*entry.starts, *entry.watches}):  # or each synthesis orders them anew
                functions[entry.name].add_environment(
                    f"{name.upper()}_ARN", self.by_name[name].state_machine_arn
                )
            for name in entry.watches:
                self.by_name[name].grant_execution(
                    functions[entry.name], "states:DescribeExecution", "states:StopExecution"
                )
            if entry.wakes:
                waking[tuple(sorted(entry.wakes))].append(functions[entry.name])
        for machines in sorted(waking):
            self._let_wake(machines, waking[machines])
        self._let_map(catalog.RUN_EVALUATION, bucket)

    def _let_wake(self, machines: Sequence[str], functions: Sequence[lambda_.Function]) -> None:
        """A policy of its own: in the role's, a machine that invokes the function would depend on itself.

        One for all that wake the same machines, for a stack has 500 resources at most
        ("Understand CloudFormation quotas" in its user guide, read 2026-11-28).
        """
        iam.Policy(
            self,
            f"{''.join(pascal(name) for name in machines)}Wakes",
            roles=[function.role for function in functions if function.role is not None],
            statements=[
                iam.PolicyStatement(
                    actions=["states:SendTaskSuccess"],
                    resources=[self.by_name[name].state_machine_arn for name in machines],
                )
            ],
        )

    def _let_map(self, name: str, bucket: s3.Bucket) -> None:
        """Let a machine run its Distributed Map: read the items, and run a child of its own for each.

        A policy of its own, for it names the machine, which waits for its role's.
        https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html, read 2026-11-28.
        """
        machine = self.by_name[name]
        called = cdk.Fn.select(6, cdk.Fn.split(":", machine.state_machine_arn))
        iam.Policy(
            self,
            f"{pascal(name)}Maps",
            roles=[machine.role],
            statements=[
                iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine.state_machine_arn]),
                iam.PolicyStatement(
                    actions=["states:DescribeExecution", "states:StopExecution"],
                    resources=[self._executions(f"{called}:*")],
                ),
                iam.PolicyStatement(
                    actions=["states:RedriveExecution"],  # of a run that was stopped in the middle
                    resources=[self._executions(f"{called}/*:*")],
                ),
                iam.PolicyStatement(
                    actions=["s3:GetObject"], resources=[bucket.arn_for_objects(f"{EVALUATIONS}*")]
                ),
            ],
        )

    def _executions(self, names: str) -> str:
        return cdk.Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=names,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def _state_machine(self, path: Path, functions: Mapping[str, lambda_.Function]) -> sfn.StateMachine:
        construct_id = pascal(path.name.removesuffix(".asl.json"))
        # The files are ASL as the console shows it; the partition is the one that they are deployed to.
        text = path.read_text(encoding="utf-8").replace("arn:aws:", f"arn:{cdk.Aws.PARTITION}:")
        called = {pascal(name): f for name, f in functions.items() if f"${{{pascal(name)}}}" in text}
        machine = sfn.StateMachine(
            self,
            construct_id,
            definition_body=sfn.DefinitionBody.from_string(text),
            definition_substitutions={name: function.function_arn for name, function in called.items()},
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=vended_log_group(self, f"{construct_id}Logs", self._stage),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,  # the state names prompts and links
            ),
        )
        for function in called.values():
            function.grant_invoke_latest_version(machine)
        return machine
