"""The one list of the stack's parameters: what each is for, and what a value has to be. Plain data.

A stage gives some of them a value of its own (``stages.py``); whoever deploys may give another.
"""

import re
from dataclasses import dataclass

Value = str | int | float | list[str]

HOST = r"[A-Za-z0-9.-]+(:[0-9]{1,5})?"
DOLLARS = r"[0-9]{1,7}(\.[0-9]{1,2})?"
MEDIA_HOST = r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|[0-9a-f:]+"
"""A name, with a dot in front for all under it, or an address."""
BASE_URL = rf"https://{HOST}(/[^\s?#]*)?|http://(127\.0\.0\.1|localhost)(:[0-9]{{1,5}})?(/[^\s?#]*)?"
"""Over TLS; plain HTTP to this machine only, which in the cloud leads nowhere."""
A_BASE_URL = "an https:// address without a query (http:// only on this machine)"
SLOTS = r"0|[1-9][0-9]{0,2}"
A_NUMBER_OF_SLOTS = "a whole number from 0 to 999"
LARGEST_CONCURRENCY = 1000
"""Of an event source mapping of SQS, and 2 the least:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html, read 2026-11-28."""
CONCURRENCY = r"[2-9]|[1-9][0-9]{1,2}|1000"
A_CONCURRENCY = f"a whole number from 2 to {LARGEST_CONCURRENCY}"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of the stack.

    ``pattern`` is of the whole value, or of each in a list; ``must_be`` says it in words. All variables of a
    function have 4 KB together (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, read
    2026-11-29), so a value has ``longest`` characters at most.
    """

    name: str
    description: str
    pattern: str
    must_be: str
    longest: int = 10
    default: str | None = ""  # None: it must be given
    is_list: bool = False
    variable: str = ""  # the environment variable in which functions find it

    def text(self, value: Value) -> str:
        """Return a value as CloudFormation takes it: members of a list are separated by commas.

        Raises:
            ValueError: it is none that the parameter may have.
        """
        members = value if isinstance(value, list) else [str(value)]
        if not self.is_list and isinstance(value, list):
            raise ValueError(f"must be {self.must_be}")
        if not all(re.fullmatch(self.pattern, member) for member in members):
            raise ValueError(f"must be {self.must_be}")
        if not self.is_list and len(members[0]) > self.longest:
            raise ValueError(f"must have {self.longest} characters at most")
        return ",".join(members)


PARAMETERS = (
    Parameter(
        variable="FAL_QUEUE_URL",
        name="FalQueueUrl",
        default="https://queue.fal.run",
        description="fal: calls that are queued",
        pattern=BASE_URL,
        must_be=A_BASE_URL,
        longest=255,
    ),
    Parameter(
        variable="FAL_REST_URL",
        name="FalRestUrl",
        default="https://rest.fal.ai",
        description="fal: file uploads",
        pattern=BASE_URL,
        must_be=A_BASE_URL,
        longest=255,
    ),
    Parameter(
        variable="FAL_PLATFORM_URL",
        name="FalPlatformUrl",
        default="https://api.fal.ai/v1",
        description="fal: requests of the account, their deletion, prices",
        pattern=BASE_URL,
        must_be=A_BASE_URL,
        longest=255,
    ),
    Parameter(
        variable="ASTRIA_API_URL",
        name="AstriaApiUrl",
        default="https://api.astria.ai",
        description="Astria",
        pattern=BASE_URL,
        must_be=A_BASE_URL,
        longest=255,
    ),
    Parameter(
        variable="MEDIA_HOSTS",
        name="MediaHosts",
        description="Further hosts that results may come from, separated by commas",
        pattern=rf"(({MEDIA_HOST})(,({MEDIA_HOST}))*)?",
        must_be="empty, or host names separated by commas, each without https:// and path",
        longest=1000,
    ),
    Parameter(
        variable="MONTHLY_BUDGET_USD",
        name="MonthlyBudgetUsd",
        default="100",
        description="What an owner may spend at the providers in a month",
        pattern=DOLLARS,
        must_be="an amount in US dollars, such as 100 or 99.50",
    ),
    Parameter(
        variable="OPERATOR_BUDGET_USD",
        name="OperatorBudgetUsd",
        default="1000",
        description="What all owners together may spend at the providers in a month",
        pattern=DOLLARS,
        must_be="an amount in US dollars, such as 1000 or 999.50",
    ),
    Parameter(
        variable="REQUESTS_PER_MINUTE",
        name="RequestsPerMinute",
        default="60",
        description="How many orders and checks an owner may send in a minute",
        pattern=r"[1-9][0-9]{0,5}",
        must_be="a whole number from 1 to 999999",
    ),
    Parameter(
        variable="READS_PER_MINUTE",
        name="ReadsPerMinute",
        default="600",
        description="How many reads an owner may send in a minute; a list or a wait counts as five",
        pattern=r"[1-9][0-9]{1,5}",
        must_be="a whole number from 10 to 999999",
    ),
    Parameter(
        variable="FAL_SLOTS",
        name="FalSlots",
        default="2",
        description="How many jobs fal is given at once: a new account runs 2; 0 for as many as there are",
        pattern=SLOTS,
        must_be=A_NUMBER_OF_SLOTS,
    ),
    Parameter(
        variable="ASTRIA_SLOTS",
        name="AstriaSlots",
        default="0",
        description="How many jobs Astria is given at once: 0 for as many as there are",
        pattern=SLOTS,
        must_be=A_NUMBER_OF_SLOTS,
    ),
    Parameter(
        variable="JWT_ISSUER",
        name="JwtIssuer",
        default=None,
        description="The 'iss' of accepted tokens",
        pattern=r"[^\s]+",
        must_be="the issuer's name as its tokens have it, without blanks",
        longest=500,
    ),
    Parameter(
        variable="JWT_AUDIENCE",
        name="JwtAudience",
        default="authenticated",
        description="The 'aud' of accepted tokens",
        pattern=r"[^\s]+",
        must_be="an audience as tokens have it, without blanks",
        longest=500,
    ),
    Parameter(
        variable="JWKS_URL",
        name="JwksUrl",
        default=None,
        description="Where the public keys of the issuer are",
        pattern=BASE_URL,
        must_be=A_BASE_URL,
        longest=500,
    ),
    Parameter(
        variable="ASTRIA_MOCK",
        name="AstriaMock",
        default="false",
        description="true asks Astria for its free mock, whose pictures never show the character",
        pattern="true|false",
        must_be="true or false",
    ),
    Parameter(
        variable="ALLOW_ANONYMOUS",
        name="AllowAnonymous",
        default="false",
        description="true lets anonymous sign-ins order what costs money",
        pattern="true|false",
        must_be="true or false",
    ),
    Parameter(
        variable="REQUIRED_CLAIMS",
        name="RequiredClaims",
        description="What accepted tokens must say, separated by commas, such as role=authenticated",
        pattern=r"([^\s,=]{1,200}=[^\s,]{1,200}(,[^\s,=]{1,200}=[^\s,]{1,200}){0,9})?",
        must_be="empty, or up to ten claims such as role=authenticated, separated by commas",
        longest=1500,
    ),
    Parameter(
        variable="LOCAL_MODE",
        name="LocalMode",
        default="false",
        description="true only on one machine: plain HTTP and loopback addresses are then allowed",
        pattern="true|false",
        must_be="true or false",
    ),
    Parameter(
        name="WebhookUrl",
        description="Where providers call back: empty for the API's own address, 'off' for not at all",
        pattern=rf"|off|{BASE_URL}",
        must_be=f"empty, 'off', or {A_BASE_URL}",
        longest=255,
    ),
    Parameter(
        name="CorsOrigins",
        default="https://localhost",
        description="Origins of web pages that may call the API and upload to the bucket",
        pattern=rf"\*|https?://{HOST}",
        must_be="origins such as https://pages.example, without a path and separated by commas",
        is_list=True,
    ),
    Parameter(
        name="ScorerConcurrency",
        default="5",
        description="How many batches of pictures are scored side by side",
        pattern=CONCURRENCY,
        must_be=A_CONCURRENCY,
    ),
    Parameter(
        name="DeliveryConcurrency",
        default="5",
        description="How many events have their webhooks sent side by side",
        pattern=CONCURRENCY,
        must_be=A_CONCURRENCY,
    ),
    Parameter(
        name="FetchConcurrency",
        default="0",
        description="How many calls of each function that fetches callers' links run at once; 0 for no bound",
        pattern=SLOTS,
        must_be=A_NUMBER_OF_SLOTS,
    ),
    Parameter(
        name="AlarmEmail",
        description="Who is told of alarms, beside the subscribers of the topic; empty for nobody",
        pattern=r"([^@\s,]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?",
        must_be="empty or an e-mail address",
        longest=255,
    ),
)
