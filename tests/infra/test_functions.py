"""Code, size, time and environment of the functions."""

from pathlib import Path

import pytest

from infra import catalog
from tests.infra.template import Template, readable

ROOT = Path(__file__).parents[2]

STATE = {"TABLE_NAME", "BUCKET_NAME"}
PROVIDERS = {"FAL_QUEUE_URL", "FAL_REST_URL", "ASTRIA_API_URL", "ASTRIA_MOCK", "LOCAL_MODE"}
KEYS = {"FAL_SECRET_NAME", "ASTRIA_SECRET_NAME"}
COPYING = {"MEDIA_HOSTS", "LOCAL_MODE"}
QUOTING, LIMITED = {"MONTHLY_BUDGET_USD"}, {"REQUESTS_PER_MINUTE"}
SPENDING = QUOTING | LIMITED

# memory in MB, timeout in s, environment
FUNCTIONS: dict[str, tuple[int, int, set[str]]] = {
    "authorize_request": (512, 10, {"JWT_ISSUER", "JWT_AUDIENCE", "JWKS_URL"}),
    "create_references": (512, 29, STATE | LIMITED),
    "check_references": (1769, 29, STATE | PROVIDERS | LIMITED | {"SCORE_IMAGE_NAME"}),
    "list_providers": (512, 29, PROVIDERS),
    "show_openapi": (512, 10, set()),
    "show_docs": (512, 10, set()),
    "create_identity": (1769, 29, STATE | PROVIDERS | SPENDING | {"TRAIN_IDENTITY_ARN", "SCORE_IMAGE_NAME"}),
    "list_identities": (512, 29, STATE),
    "get_identity": (512, 29, STATE),
    "erase_identity": (512, 29, STATE | PROVIDERS | KEYS | LIMITED),
    "sweep": (512, 120, STATE | PROVIDERS | KEYS | {"TRAIN_IDENTITY_ARN", "GENERATE_IMAGES_ARN"}),
    "create_generation": (512, 29, STATE | PROVIDERS | SPENDING | {"GENERATE_IMAGES_ARN"}),
    "get_generation": (512, 29, STATE),
    "list_generations": (512, 29, STATE),
    "cancel_identity": (512, 29, STATE | LIMITED),
    "estimate_identity": (512, 29, STATE | PROVIDERS | QUOTING | LIMITED),
    "estimate_generation": (512, 29, STATE | PROVIDERS | QUOTING | LIMITED),
    "get_usage": (512, 29, STATE | QUOTING),
    "create_webhook": (512, 29, STATE | {"LOCAL_MODE"}),
    "list_webhooks": (512, 29, STATE),
    "delete_webhook": (512, 29, STATE),
    "get_event": (512, 29, STATE),
    "replay_event": (512, 29, STATE),
    "proxy_fal_instant": (
        1024,
        29,
        STATE | PROVIDERS | SPENDING | {"FAL_SECRET_NAME", "GENERATE_IMAGES_ARN"},
    ),
    "proxy_fal_lora_train": (
        1769,
        29,
        STATE | PROVIDERS | SPENDING | {"FAL_SECRET_NAME", "TRAIN_IDENTITY_ARN"},
    ),
    "proxy_fal_lora_status": (512, 29, STATE),
    "proxy_fal_lora_generate": (
        512,
        29,
        STATE | PROVIDERS | SPENDING | {"FAL_SECRET_NAME", "GENERATE_IMAGES_ARN"},
    ),
    "proxy_astria_create_tune": (
        1769,
        29,
        STATE | PROVIDERS | SPENDING | {"ASTRIA_SECRET_NAME", "TRAIN_IDENTITY_ARN"},
    ),
    "proxy_astria_get_tune": (512, 29, STATE),
    "proxy_astria_create_prompt": (
        512,
        29,
        STATE | PROVIDERS | SPENDING | {"ASTRIA_SECRET_NAME", "GENERATE_IMAGES_ARN"},
    ),
    "proxy_astria_get_prompt": (512, 29, STATE),
    "proxy_astria": (
        1769,
        29,
        STATE | PROVIDERS | SPENDING | {"ASTRIA_SECRET_NAME", "TRAIN_IDENTITY_ARN", "GENERATE_IMAGES_ARN"},
    ),
    "receive_fal_callback": (512, 15, STATE | PROVIDERS),
    "receive_astria_callback": (512, 15, STATE | PROVIDERS),
    "wait_for_callback": (512, 30, STATE),
    "prepare_training": (1024, 60, STATE | PROVIDERS | {"FAL_SECRET_NAME"}),
    "submit_training": (512, 60, STATE | PROVIDERS | KEYS | {"WEBHOOK_URL"}),
    "check_training": (512, 60, STATE | PROVIDERS | KEYS | {"WEBHOOK_URL"}),
    "store_weights": (1024, 300, STATE | COPYING),
    "record_training": (512, 60, STATE),
    "submit_generation": (512, 60, STATE | PROVIDERS | KEYS | {"WEBHOOK_URL"}),
    "check_generation": (512, 60, STATE | PROVIDERS | KEYS | {"WEBHOOK_URL"}),
    "store_images": (1024, 120, STATE | COPYING),
    "record_generation": (512, 60, STATE),
    "deliver_event": (512, 300, STATE | {"LOCAL_MODE"}),
    "score_image": (3008, 120, STATE),
}

WHERE_VALUES_COME_FROM = {
    "TABLE_NAME": "<StorageState>",
    "BUCKET_NAME": "<StorageMedia>",
    "FAL_SECRET_NAME": "<StorageFalKey>",
    "ASTRIA_SECRET_NAME": "<StorageAstriaKey>",
    "TRAIN_IDENTITY_ARN": "<WorkflowsTrainIdentity>",
    "GENERATE_IMAGES_ARN": "<WorkflowsGenerateImages>",
    "SCORE_IMAGE_NAME": "<FunctionsScoreImage>",
    "FAL_QUEUE_URL": "<FalQueueUrl>",
    "FAL_REST_URL": "<FalRestUrl>",
    "ASTRIA_API_URL": "<AstriaApiUrl>",
    "MEDIA_HOSTS": "<MediaHosts>",
    "LOCAL_MODE": "<LocalMode>",
    "ASTRIA_MOCK": "<AstriaMock>",
    "JWT_ISSUER": "<JwtIssuer>",
    "JWT_AUDIENCE": "<JwtAudience>",
    "JWKS_URL": "<JwksUrl>",
    "LOG_LEVEL": "INFO",
    "MONTHLY_BUDGET_USD": "<MonthlyBudgetUsd>",
    "REQUESTS_PER_MINUTE": "<RequestsPerMinute>",
    "WEBHOOK_URL": "<ApiHttp> if OwnAddress else <WebhookUrl>",
}


def test_the_catalog_lists_the_folders() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert {entry.name for entry in catalog.FUNCTIONS} == folders


def test_every_function_is_listed(template: Template) -> None:
    assert template.functions().keys() == FUNCTIONS.keys()


def test_providers_call_the_api_itself_unless_another_address_is_given(template: Template) -> None:
    """``off`` is another address: the code takes it for none."""
    from character_identity.services.jobs.callback_addresses import OFF

    assert template.document["Conditions"]["OwnAddress"] == {"Fn::Equals": [{"Ref": "WebhookUrl"}, ""]}
    environment = template.functions()["submit_training"]["Environment"]["Variables"]
    condition, own, given = environment["WEBHOOK_URL"]["Fn::If"]
    assert (condition, given) == ("OwnAddress", {"Ref": "WebhookUrl"})
    assert own["Fn::GetAtt"][1] == "ApiEndpoint"
    assert f"'{OFF}'" in template.document["Parameters"]["WebhookUrl"]["Description"]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_size_time_and_environment(template: Template, name: str) -> None:
    function = template.functions()[name]
    memory_mb, timeout_s, variables = FUNCTIONS[name]
    assert (function["MemorySize"], function["Timeout"]) == (memory_mb, timeout_s)
    environment = function["Environment"]["Variables"]
    assert environment.keys() == variables | {"POWERTOOLS_SERVICE_NAME", "LOG_LEVEL"}
    for variable in environment.keys() - {"POWERTOOLS_SERVICE_NAME"}:
        assert readable(environment[variable]) == WHERE_VALUES_COME_FROM[variable]


def test_zip_functions_run_on_python_3_13_with_the_two_layers(template: Template) -> None:
    layers = {"<FunctionsCore>", "<FunctionsDependencies>"}
    for name, function in template.functions().items():
        if name != "score_image":
            assert (function["Runtime"], function["Handler"]) == ("python3.13", "handler.lambda_handler")
            assert {readable(layer) for layer in function["Layers"]} == layers


def test_zip_functions_are_arm64_in_the_cloud_and_x86_64_here(
    template: Template, local_template: Template
) -> None:
    for built_for, architecture in ((template, "arm64"), (local_template, "x86_64")):
        functions = built_for.functions()
        assert functions.pop("score_image")["Architectures"] == ["x86_64"]
        assert {tuple(function["Architectures"]) for function in functions.values()} == {(architecture,)}
        for layer in built_for.resources("AWS::Lambda::LayerVersion").values():
            assert layer["CompatibleArchitectures"] == [architecture]


def test_what_sends_webhooks_ends_before_an_attempt_counts_as_interrupted() -> None:
    from character_identity.domain.webhook import ATTEMPT_TAKES_AT_MOST

    longest_s = max(entry.timeout_s for entry in catalog.FUNCTIONS if entry.webhooks)
    assert longest_s <= ATTEMPT_TAKES_AT_MOST.total_seconds()


def test_every_function_is_traced(template: Template) -> None:
    assert {each["TracingConfig"]["Mode"] for each in template.functions().values()} == {"Active"}
