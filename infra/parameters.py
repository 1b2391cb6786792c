"""The stack's parameters, and the variable in which the functions find each."""

import aws_cdk as cdk
from constructs import Construct

# environment variable: (parameter, default, description); None: it must be given
TEXTS: dict[str, tuple[str, str | None, str]] = {
    "FAL_QUEUE_URL": ("FalQueueUrl", "https://queue.fal.run", "fal: calls that are queued"),
    "FAL_REST_URL": ("FalRestUrl", "https://rest.fal.ai", "fal: file uploads"),
    "ASTRIA_API_URL": ("AstriaApiUrl", "https://api.astria.ai", "Astria"),
    "MEDIA_HOSTS": ("MediaHosts", "", "Further hosts that results may come from, separated by commas"),
    "MONTHLY_BUDGET_USD": ("MonthlyBudgetUsd", "100", "What an owner may spend at the providers in a month"),
    "REQUESTS_PER_MINUTE": ("RequestsPerMinute", "60", "How many orders and checks an owner may send"),
    "JWT_ISSUER": ("JwtIssuer", None, "The 'iss' of accepted tokens"),
    "JWT_AUDIENCE": ("JwtAudience", "authenticated", "The 'aud' of accepted tokens"),
    "JWKS_URL": ("JwksUrl", None, "Where the public keys of the issuer are"),
}


class Parameters(Construct):
    """The parameters of the stack; they stand at its top, so their names have no prefix."""

    def __init__(self, stack: cdk.Stack) -> None:
        super().__init__(stack, "Parameters")
        self.values: dict[str, str] = {
            variable: cdk.CfnParameter(stack, name, default=default, description=description).value_as_string
            for variable, (name, default, description) in TEXTS.items()
        }
        self.values["ASTRIA_MOCK"] = cdk.CfnParameter(
            stack,
            "AstriaMock",
            default="false",
            allowed_values=["true", "false"],
            description="true asks Astria for its free mock, whose pictures never show the character",
        ).value_as_string
        self.values["LOCAL_MODE"] = cdk.CfnParameter(
            stack,
            "LocalMode",
            default="false",
            allowed_values=["true", "false"],
            description="true only on one machine: plain HTTP and loopback addresses are then allowed",
        ).value_as_string
        self.webhook_url: str = cdk.CfnParameter(
            stack,
            "WebhookUrl",
            default="",
            description="Where providers call back: empty for the API's own address, 'off' for not at all",
        ).value_as_string
        self.cors_origins: list[str] = cdk.CfnParameter(
            stack,
            "CorsOrigins",
            type="CommaDelimitedList",
            default="https://localhost",
            description="Origins of web pages that may call the API and upload to the bucket",
        ).value_as_list
