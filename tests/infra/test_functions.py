"""Code, size, time and environment of the functions."""

from pathlib import Path
from typing import Any

import pytest

from character_identity.api.routes.table import ROUTES
from infra import catalog
from infra.stages import read_stage
from tests.infra.template import Template, readable

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
LONGEST_ARN = 170
"""Of a state machine, whose name has 80 characters, with the longest names of partition and region."""

PROVIDERS = {
    "FAL_QUEUE_URL",
    "FAL_REST_URL",
    "FAL_PLATFORM_URL",
    "ASTRIA_API_URL",
    "ASTRIA_MOCK",
    "LOCAL_MODE",
}
KNOWING_SCENARIOS = ("create_evaluation", "estimate_evaluation")
IN_IMAGES = [entry.name for entry in catalog.FUNCTIONS if entry.image]
WHERE_VALUES_COME_FROM = {
    "TABLE_NAME": "<StorageState>",
    "BUCKET_NAME": "<StorageMedia>",
    "FAL_SECRET_NAME": "<StorageFalKey>",
    "FAL_ADMIN_SECRET_NAME": "<StorageFalAdminKey>",
    "ASTRIA_SECRET_NAME": "<StorageAstriaKey>",
    "PROVENANCE_SECRET_NAME": "<StorageProvenanceKey>",
    "TRAIN_IDENTITY_ARN": "<WorkflowsTrainIdentity>",
    "GENERATE_IMAGES_ARN": "<WorkflowsGenerateImages>",
    "RUN_EVALUATION_ARN": "<WorkflowsRunEvaluation>",
    "ANALYZE_IMAGES_NAME": "<FunctionsAnalyzeImages>",
    "FAL_QUEUE_URL": "<FalQueueUrl>",
    "FAL_REST_URL": "<FalRestUrl>",
    "FAL_PLATFORM_URL": "<FalPlatformUrl>",
    "ASTRIA_API_URL": "<AstriaApiUrl>",
    "MEDIA_HOSTS": "<MediaHosts>",
    "ALLOW_ANONYMOUS": "<AllowAnonymous>",
    "LOCAL_MODE": "<LocalMode>",
    "ASTRIA_MOCK": "<AstriaMock>",
    "JWT_ISSUER": "<JwtIssuer>",
    "JWT_AUDIENCE": "<JwtAudience>",
    "JWKS_URL": "<JwksUrl>",
    "REQUIRED_CLAIMS": "<RequiredClaims>",
    "MONTHLY_BUDGET_USD": "<MonthlyBudgetUsd>",
    "OPERATOR_BUDGET_USD": "<OperatorBudgetUsd>",
    "REQUESTS_PER_MINUTE": "<RequestsPerMinute>",
    "READS_PER_MINUTE": "<ReadsPerMinute>",
    "FAL_SLOTS": "<FalSlots>",
    "ASTRIA_SLOTS": "<AstriaSlots>",
    "WEBHOOK_URL": "<ApiHttp> if OwnAddress else <WebhookUrl>",
}


def test_the_catalog_lists_the_folders() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert {entry.name for entry in catalog.FUNCTIONS} == folders


def test_every_function_of_the_table_of_routes_is_there(template: Template) -> None:
    assert {route.function for route in ROUTES} <= template.functions().keys()
    assert {entry.name for entry in catalog.FUNCTIONS if entry.trigger == catalog.API} == {
        route.function for route in ROUTES
    }


def test_providers_call_the_api_itself_unless_another_address_is_given(template: Template) -> None:
    """``off`` is another address: the code takes it for none."""
    from character_identity.services.jobs.callback_addresses import OFF

    assert template.document["Conditions"]["OwnAddress"] == {"Fn::Equals": [{"Ref": "WebhookUrl"}, ""]}
    environment = template.functions()["submit_training"]["Environment"]["Variables"]
    condition, own, given = environment["WEBHOOK_URL"]["Fn::If"]
    assert (condition, given) == ("OwnAddress", {"Ref": "WebhookUrl"})
    assert own["Fn::GetAtt"][1] == "ApiEndpoint"
    assert f"'{OFF}'" in template.document["Parameters"]["WebhookUrl"]["Description"]


def test_a_function_answers_before_its_caller_gives_up(template: Template) -> None:
    """API Gateway cuts at 30 s; fal waits 15 s for the answer to a callback."""
    functions = template.functions()
    for route in ROUTES:
        limit_s = 15 if route.path.startswith("/webhooks/") else 29
        assert functions[route.function]["Timeout"] <= limit_s, route.key


@pytest.mark.parametrize("name", [entry.name for entry in catalog.FUNCTIONS])
def test_every_variable_has_its_value_from_where_it_should(template: Template, name: str) -> None:
    environment = {**template.functions()[name]["Environment"]["Variables"]}
    assert environment.pop("FUNCTION_NAME") == name
    assert environment.pop("POWERTOOLS_METRICS_NAMESPACE") == {"Ref": "AWS::StackName"}
    assert {variable: readable(value) for variable, value in environment.items()} == {
        variable: WHERE_VALUES_COME_FROM[variable] for variable in environment
    }


def test_the_longest_values_of_all_variables_fit_into_a_functions_environment(template: Template) -> None:
    """4 KB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, read 2026-11-29."""
    declared = template.document["Parameters"]

    def longest(value: Any) -> int:
        if isinstance(value, str):
            return len(value)
        if "Fn::If" in value:
            return max(map(longest, value["Fn::If"][1:]))
        name = value.get("Ref", "")
        return int(declared[name]["MaxLength"]) if name in declared else LONGEST_ARN

    for name, function in template.functions().items():
        variables = function["Environment"]["Variables"].items()
        assert sum(len(variable) + longest(value) for variable, value in variables) <= 4096, name


@pytest.mark.parametrize("name", [entry.name for entry in catalog.FUNCTIONS])
def test_a_function_is_told_of_what_it_may_use_and_of_nothing_else(template: Template, name: str) -> None:
    function = template.functions()[name]
    told = function["Environment"]["Variables"].keys()
    rights = template.rights(function["Role"])
    resources = {
        "TABLE_NAME": ("dynamodb:GetItem", "<StorageState>"),
        "FAL_SECRET_NAME": ("secretsmanager:GetSecretValue", "<StorageFalKey>"),
        "FAL_ADMIN_SECRET_NAME": ("secretsmanager:GetSecretValue", "<StorageFalAdminKey>"),
        "ASTRIA_SECRET_NAME": ("secretsmanager:GetSecretValue", "<StorageAstriaKey>"),
        "PROVENANCE_SECRET_NAME": ("secretsmanager:GetSecretValue", "<StorageProvenanceKey>"),
        "TRAIN_IDENTITY_ARN": ("states:StartExecution", "<WorkflowsTrainIdentity>"),
        "GENERATE_IMAGES_ARN": ("states:StartExecution", "<WorkflowsGenerateImages>"),
        "ANALYZE_IMAGES_NAME": ("lambda:InvokeFunction", "<FunctionsAnalyzeImages>"),
    }
    for variable, right in resources.items():
        assert (variable in told) is (right in rights), variable
    uses_bucket = any(resource.startswith("<StorageMedia>") for _, resource in rights)
    assert "BUCKET_NAME" in told or not uses_bucket


def test_a_function_that_knows_the_providers_knows_all_about_them(template: Template) -> None:
    for name, function in template.functions().items():
        told = function["Environment"]["Variables"].keys()
        assert told >= PROVIDERS or "FAL_QUEUE_URL" not in told, name
        keys = told & {"FAL_SECRET_NAME", "FAL_ADMIN_SECRET_NAME", "ASTRIA_SECRET_NAME"}
        assert told >= PROVIDERS or not keys, name


def told_of(variable: str, template: Template) -> set[str]:
    """The functions that have a variable in their environment."""
    functions = template.functions().items()
    return {name for name, function in functions if variable in function["Environment"]["Variables"]}


def test_a_function_whose_requests_are_counted_knows_how_many_there_may_be(template: Template) -> None:
    limited = {route.function for route in ROUTES if route.counted_as}
    assert told_of("REQUESTS_PER_MINUTE", template) == told_of("READS_PER_MINUTE", template) == limited


def test_what_spends_knows_how_much_there_is_to_spend(template: Template) -> None:
    told = told_of("MONTHLY_BUDGET_USD", template)
    refusing = {route.function for route in ROUTES if "budget_exceeded" in route.codes}
    telling = {route.function for route in ROUTES if route.tag == "Money"}
    assert told == refusing | telling | {"sweep"}
    assert told_of("OPERATOR_BUDGET_USD", template) == told


def test_what_copies_from_providers_knows_where_their_files_may_lie(template: Template) -> None:
    told = told_of("MEDIA_HOSTS", template)
    assert told == {"store_weights", "store_images", "sweep"}


def test_only_what_fetches_callers_links_may_be_bounded_and_nothing_is_by_itself(template: Template) -> None:
    """A new account runs ten functions at once, and AWS takes no reservation that leaves less than 100."""
    following_links = {
        "check_references",
        "compare_images",
        "create_evaluation",
        "create_identity",
        "proxy_astria",
        "proxy_astria_create_tune",
        "proxy_fal_instant",
        "proxy_fal_lora_generate",
        "proxy_fal_lora_train",
    }
    bounds = {
        name: function["ReservedConcurrentExecutions"]
        for name, function in template.functions().items()
        if "ReservedConcurrentExecutions" in function
    }
    assert bounds.keys() == following_links
    unless = ["FetchingIsFree", {"Ref": "AWS::NoValue"}, {"Ref": "FetchConcurrency"}]
    assert all(bound == {"Fn::If": unless} for bound in bounds.values())
    assert template.document["Conditions"]["FetchingIsFree"] == {
        "Fn::Equals": [{"Ref": "FetchConcurrency"}, "0"]
    }
    assert template.document["Parameters"]["FetchConcurrency"]["Default"] == "0"


def test_zip_functions_run_on_python_3_13_with_two_layers_and_a_third_for_what_few_of_them_need(
    template: Template,
) -> None:
    for name, function in template.functions().items():
        if name not in IN_IMAGES:
            layers = {"<FunctionsCore>", "<FunctionsDependencies>"}
            layers |= {"<FunctionsProvenance>"} if name in ("check_generation", "store_images") else set()
            layers |= {"<FunctionsEvaluation>"} if name in KNOWING_SCENARIOS else set()
            assert (function["Runtime"], function["Handler"]) == ("python3.13", "handler.lambda_handler")
            assert {readable(layer) for layer in function["Layers"]} == layers


def test_zip_functions_are_arm64_in_the_cloud_and_x86_64_here(
    template: Template, local_template: Template
) -> None:
    for built_for, architecture in ((template, "arm64"), (local_template, "x86_64")):
        functions = built_for.functions()
        assert all(functions.pop(name)["Architectures"] == ["x86_64"] for name in IN_IMAGES)
        assert {tuple(function["Architectures"]) for function in functions.values()} == {(architecture,)}
        for layer in built_for.resources("AWS::Lambda::LayerVersion").values():
            assert layer["CompatibleArchitectures"] == [architecture]


def test_what_sends_webhooks_ends_before_an_attempt_counts_as_interrupted() -> None:
    from character_identity.domain.webhook import ATTEMPT_TAKES_AT_MOST

    longest_s = max(entry.timeout_s for entry in catalog.FUNCTIONS if entry.webhooks)
    assert longest_s <= ATTEMPT_TAKES_AT_MOST.total_seconds()


def test_what_stores_weights_ends_before_what_it_left_is_removed() -> None:
    from character_identity.services.jobs.training import LONGEST_RUN_S

    (timeout_s,) = (entry.timeout_s for entry in catalog.FUNCTIONS if entry.name == "store_weights")
    assert timeout_s <= LONGEST_RUN_S


def test_every_function_logs_json_from_the_level_of_its_stage_on(template: Template) -> None:
    for function in template.functions().values():
        logging = function["LoggingConfig"]
        assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == (
            "JSON",
            read_stage("prod").log_level,
        )


def test_every_function_is_traced(template: Template) -> None:
    assert {each["TracingConfig"]["Mode"] for each in template.functions().values()} == {"Active"}


def test_what_ships_are_files_and_no_links_to_some(cloud_assembly: Path) -> None:
    shipped = [path for path in cloud_assembly.rglob("asset.*/*") if path.name == "gallery.js"]
    assert [path.is_symlink() for path in shipped] == [False]
    assert [path for path in cloud_assembly.rglob("asset.*/**/*") if path.is_symlink()] == []
