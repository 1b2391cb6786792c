"""The whole system on this machine, from the synthesised template: ``with running() as system: ...``."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from local.deploy import Endpoint, client, deploy, set_secrets
from local.emulator_limitations import limitations_of
from local.issuer import AUDIENCE, Issuer
from local.packages import STATE
from local.ports import require_free
from local.preparation import prepare
from local.service import Service, start_emulator
from local.settings import MEDIA_HOST, URLS, ProviderSettings
from scripts.signing_chain import self_made

SHORTENED, UNCHANGED = 0.1, 1.0  # what waits of state machines are multiplied by


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a run. A port of 0 is any free one."""

    api_port: int = 0
    aws_port: int = 0
    providers_port: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)  # of the stack; others as the template has it
    wait_scale: float | None = None  # None: shortened as long as all providers are on this machine
    training_s: float | None = None  # how long the simulators train; None: as they like
    generation_s: float | None = None
    webhooks: bool = True  # where providers can reach us; False: none call back
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    state: Path | None = None  # folder that keeps tables, objects and secrets; None: nothing is kept
    logs: Path = STATE / "run-logs"
    report: Callable[[str], None] = lambda phase: None  # is called when a phase begins that takes a while


@dataclass(frozen=True, kw_only=True)
class System:
    """A running system: its addresses and names."""

    api_url: str  # "/v1/identities" is appended to it
    token: str
    token_for: Callable[[str], str]  # another caller's token
    aws: Endpoint
    bucket: str
    table: str
    state_machines: Mapping[str, str]  # name: ARN
    provider_url: str | None  # of the simulators, if any serve
    provider_urls: Mapping[str, str]  # of all providers, by the variable that sets each
    outputs: Mapping[str, str]  # of the stack
    limitations: list[str]  # of the emulator
    wait_scale: float
    logs: Path
    services: tuple[Service, ...]

    def require_running(self) -> None:
        """Check that all parts of the system are there.

        Raises:
            CannotRun: one has ended.
        """
        for service in self.services:
            service.require_running()

    def wait(self) -> None:
        """Wait until a part of the system ends, which none should.

        Raises:
            CannotRun: it has.
        """
        while True:
            self.require_running()
            time.sleep(0.2)


@contextmanager
def running(options: Options | None = None) -> Iterator[System]:
    """Run the system; on exit all of it is stopped.

    Raises:
        CannotRun: a tool is missing, a port is taken or something could not be made or started.
    """
    options = options or Options()
    settings = ProviderSettings(options.environment)
    of_simulators = {"--providers-port": options.providers_port} if settings.simulators_needed else {}
    require_free({"--api-port": options.api_port, "--aws-port": options.aws_port, **of_simulators})
    if settings.warning:
        options.report(settings.warning)
    assembly = prepare(options.report)

    options.report("Starting the services")
    wait_scale = options.wait_scale
    if wait_scale is None:
        wait_scale = SHORTENED if settings.all_on_this_machine else UNCHANGED
    with ExitStack() as stack:
        emulator = start_emulator(
            wait_scale=wait_scale,
            aws_port=options.aws_port,
            api_port=options.api_port,
            logs=options.logs,
            state=options.state,
        )
        stack.callback(emulator.stop)
        simulators = _start_simulators(options, settings) if settings.simulators_needed else None
        if simulators:
            stack.callback(simulators.stop)
        issuer = Issuer()
        stack.callback(issuer.close)
        ports = emulator.announcement()
        aws_endpoint_url = f"http://127.0.0.1:{ports['awsPort']}"
        aws = Endpoint(aws_endpoint_url, ports["accessKeyId"], ports["secretAccessKey"])
        api_url = f"http://127.0.0.1:{ports['apiPort']}"
        provider_url = f"http://127.0.0.1:{simulators.announcement()['port']}" if simulators else None

        options.report("Deploying the stack")
        parameters = {
            **settings.parameters(provider_url),
            **stack_parameters(options, settings, issuer, api_url),
        }
        outputs = deploy(assembly, aws, parameters, STATE / "archives")
        keys = {
            outputs["FalKeySecretName"]: settings.fal_key,
            outputs["FalAdminKeySecretName"]: settings.fal_admin_key,
            outputs["AstriaKeySecretName"]: settings.astria_key,
            outputs["ProvenanceKeySecretName"]: self_made(datetime.now(UTC)),
        }
        set_secrets(aws, keys)
        if options.state is not None:  # what ran when the last run was killed goes on now, not when it is due
            client("lambda", aws).invoke(
                FunctionName=outputs["SweepName"], InvocationType="Event", Payload=b'{"all": true}'
            )
        yield System(
            api_url=api_url,
            token=issuer.token(),
            token_for=issuer.token,
            aws=aws,
            bucket=outputs["BucketName"],
            table=outputs["TableName"],
            state_machines={
                _snake(name.removesuffix("Arn")): arn
                for name, arn in outputs.items()
                if ":stateMachine:" in arn
            },
            provider_url=provider_url,
            provider_urls={
                variable: parameters.get(name) or assembly.template["Parameters"][name]["Default"]
                for variable, (name, _) in URLS.items()
            },
            outputs=outputs,
            limitations=limitations_of(assembly.template),
            wait_scale=wait_scale,
            logs=options.logs,
            services=(emulator, simulators) if simulators else (emulator,),
        )


def stack_parameters(
    options: Options, settings: ProviderSettings, issuer: Issuer, api_url: str
) -> dict[str, str]:
    """Values for the stack's parameters that are not about where the providers are."""
    return {
        "JwtIssuer": issuer.url,
        "JwtAudience": AUDIENCE,
        "JwksUrl": issuer.jwks_url,
        "CorsOrigins": "*",
        "LocalMode": "true",
        "RequestsPerMinute": "6000",  # tests and the demo ask more often than people
        "ReadsPerMinute": "60000",
        "WebhookUrl": settings.webhook_url(api_url) if options.webhooks else "off",
        **options.parameters,
    }


def _start_simulators(options: Options, settings: ProviderSettings) -> Service:
    chosen: dict[str, object] = {
        "--port": options.providers_port,
        "--media-host": MEDIA_HOST,
        **settings.simulator_options(),
        "--training-seconds": options.training_s,
        "--generation-seconds": options.generation_s,
        "--state": options.state / "simulators" if options.state else None,
    }
    words = [str(word) for option in chosen.items() if option[1] is not None for word in option]
    return Service("local.simulators", *words, logs=options.logs)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
