"""What whoever deploys may give: every parameter says what it has to be, and takes nothing else."""

import re
from pathlib import Path

import pytest

from infra.parameters import PARAMETERS
from infra.stages import read_stage, stage_names

PARAMETER = {parameter.name: parameter for parameter in PARAMETERS}

TAKEN = {
    "FalQueueUrl": ["https://queue.fal.run", "http://127.0.0.1:8790/fal/queue", "http://localhost:1"],
    "FalRestUrl": ["https://rest.fal.ai", "https://rest.example:8443/base"],
    "FalPlatformUrl": ["https://api.fal.ai/v1", "http://127.0.0.1:8899/fal/platform"],
    "AstriaApiUrl": ["https://api.astria.ai"],
    "MediaHosts": ["", "media.example", ".example.com", "a.example,.b.example", "127.0.0.1,localhost,::1"],
    "MonthlyBudgetUsd": ["0", "100", "99.50", "1000000"],
    "OperatorBudgetUsd": ["0", "1000", "999.50", "9999999"],
    "RequiredClaims": [
        "",
        "role=authenticated",
        "email_verified=true,aal=aal2",
        "url=https://a.example/?a=b",
    ],
    "RequestsPerMinute": ["1", "60", "6000"],
    "ReadsPerMinute": ["10", "600", "60000"],
    "FalSlots": ["0", "2", "40", "999"],
    "AstriaSlots": ["0", "2", "40", "999"],
    "JwtIssuer": ["https://project.supabase.co/auth/v1", "https://me.eu.auth0.com/", "issuer"],
    "JwtAudience": ["authenticated", "https://api.example/"],
    "JwksUrl": ["https://project.supabase.co/auth/v1/.well-known/jwks.json", "http://127.0.0.1:1/jwks"],
    "AstriaMock": ["true", "false"],
    "AllowAnonymous": ["true", "false"],
    "LocalMode": ["true", "false"],
    "WebhookUrl": ["", "off", "https://api.example", "http://127.0.0.1:8787"],
    "CorsOrigins": ["*", "https://pages.example", "http://localhost:5173"],
    "ScorerConcurrency": ["2", "10", "1000"],
    "DeliveryConcurrency": ["2", "99", "999"],
    "FetchConcurrency": ["0", "20", "999"],
    "AlarmEmail": ["", "ops@example.com", "ops+night@mail.example.co.uk"],
}
REFUSED = {
    "FalQueueUrl": ["", "queue.fal.run", "http://queue.fal.run", "https://", "https://a b.example"],
    "FalPlatformUrl": ["", "api.fal.ai/v1"],
    "FalRestUrl": ["", "ftp://rest.fal.ai", "https://rest.fal.ai?key=1", "http://localhost.evil.example"],
    "AstriaApiUrl": ["", "https://api.astria.ai\nhttps://x", "http://127.0.0.1.evil.example/"],
    "MediaHosts": ["https://media.example", "media.example/path", "a.example, b.example", ",", "a..", "*"],
    "MonthlyBudgetUsd": ["", "abc", "-1", "1e3", "1,000", "12.345", "$5", " 5", "NaN", "inf", "100\n"],
    "OperatorBudgetUsd": ["", "abc", "-1", "1e3", "1,000", "inf", "none", "12345678"],
    "RequiredClaims": ["role", "=authenticated", "role=", "role=a, aal=b", ",", "role=a,", "role=a b"],
    "RequestsPerMinute": ["", "0", "-5", "1.5", "abc", "1000000", "٣"],
    "ReadsPerMinute": ["", "0", "9", "-50", "10.5", "abc", "1000000", "٣٣"],
    "FalSlots": ["", "-1", "1.5", "abc", "1000", "02", "٣"],
    "AstriaSlots": ["", "-1", "1.5", "abc", "1000", "02", "٣"],
    "JwtIssuer": ["", "an issuer"],
    "JwtAudience": ["", " "],
    "JwksUrl": ["", "http://issuer.example/jwks", "file:///etc/passwd", "jwks.json"],
    "AstriaMock": ["", "True", "yes", "1"],
    "AllowAnonymous": ["", "True", "yes", "1"],
    "LocalMode": ["", "True", "TRUE", "1"],
    "WebhookUrl": ["Off", "http://api.example", "api.example"],
    "CorsOrigins": ["", "pages.example", "https://pages.example/", "https://*.example", "null"],
    "ScorerConcurrency": ["", "0", "1", "1001", "2.5", "-2", "abc"],
    "DeliveryConcurrency": ["", "1", "10000", "02"],
    "FetchConcurrency": ["", "-1", "1.5", "abc", "1000", "02"],
    "AlarmEmail": ["ops", "ops@", "@example.com", "ops@example", "a@b.example,c@d.example", "o ps@b.example"],
}
"""Siblings of the value ``abc`` for a budget, which was deployed."""


def cases(values: dict[str, list[str]]) -> list[object]:
    return [
        pytest.param(name, value, id=f"{name}-{number}")
        for name, given in values.items()
        for number, value in enumerate(given)
    ]


def test_all_parameters_have_cases() -> None:
    assert TAKEN.keys() == REFUSED.keys() == PARAMETER.keys()


@pytest.mark.parametrize(("name", "value"), cases(TAKEN))
def test_what_a_parameter_takes(name: str, value: str) -> None:
    assert PARAMETER[name].text([value] if PARAMETER[name].is_list else value) == value


@pytest.mark.parametrize(("name", "value"), cases(REFUSED))
def test_what_a_parameter_refuses(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"must be {PARAMETER[name].must_be}")):
        PARAMETER[name].text([value] if PARAMETER[name].is_list else value)


@pytest.mark.parametrize("name", PARAMETER)
def test_defaults_are_taken_in_every_stage(name: str) -> None:
    for stage in stage_names():
        default = read_stage(stage).default_of(PARAMETER[name])
        if default is not None:
            members = default.split(",") if PARAMETER[name].is_list else [default]
            assert all(re.fullmatch(PARAMETER[name].pattern, member) for member in members), stage
    assert (PARAMETER[name].default is None) is (name in {"JwtIssuer", "JwksUrl"})


def test_the_page_of_operations_tells_each_default() -> None:
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    table = page.partition("| parameter | default |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([^|]+) \|", table, re.MULTILINE)
    told = {name: default for names, default in rows for name in re.findall(r"\w+", names)}
    in_words = {None: "none, must be given", "": "empty"}
    for parameter in PARAMETERS:
        default = parameter.default
        of_provider = parameter.name.endswith("Url") and bool(default)
        expected = "the providers' own" if of_provider else in_words.get(default, f"`{default}`")
        assert told[parameter.name].startswith(expected), parameter.name


def test_a_value_that_leaves_the_others_no_room_is_refused() -> None:
    longest = PARAMETER["MediaHosts"].longest
    assert PARAMETER["MediaHosts"].text("a" * longest)
    with pytest.raises(ValueError, match=f"must have {longest} characters at most"):
        PARAMETER["MediaHosts"].text("a" * (longest + 1))


def test_numbers_and_lists_become_texts_of_cloudformation() -> None:
    assert PARAMETER["MonthlyBudgetUsd"].text(99.5) == "99.5"
    assert PARAMETER["CorsOrigins"].text(["https://a.example", "https://b.example"]) == (
        "https://a.example,https://b.example"
    )
    with pytest.raises(ValueError, match="must be an amount"):
        PARAMETER["MonthlyBudgetUsd"].text(["1", "2"])


def test_patterns_mean_the_same_to_python_and_to_java() -> None:
    """CloudFormation's are Java's: nothing but what both know is used."""
    for parameter in PARAMETERS:
        assert re.fullmatch(r"(?:\\[.*s]|[^\\])*", parameter.pattern), parameter.name
        assert "(?" not in parameter.pattern, parameter.name
