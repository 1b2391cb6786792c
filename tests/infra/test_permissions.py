"""What each role may do, right by right, written out again: a right lost or added fails here."""

import pytest

from infra.catalog import pascal
from tests.infra.template import Template, readable

Rights = set[tuple[str, str]]

TABLE = ("<StorageState>", "<StorageState>/index/by_owner")
READING = ("GetItem", "Query")
WRITING = ("PutItem", "UpdateItem", "DeleteItem")
READ_TABLE: Rights = {(f"dynamodb:{action}", table) for action in READING for table in TABLE}
WRITE_TABLE: Rights = READ_TABLE | {(f"dynamodb:{action}", table) for action in WRITING for table in TABLE}
LIST: Rights = {("s3:ListBucket", "<StorageMedia>")}
TRACE: Rights = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}


def _get(*prefixes: str) -> Rights:
    return {("s3:GetObject", f"<StorageMedia>/{prefix}/*") for prefix in prefixes}


def _put(prefix: str) -> Rights:
    return {("s3:PutObject", f"<StorageMedia>/{prefix}/*")}


def _secret(name: str) -> Rights:
    return {(f"secretsmanager:{action}Secret{what}", f"<Storage{name}>") for action, what in SECRET_ACTIONS}


SECRET_ACTIONS = (("Get", "Value"), ("Describe", ""))
FAL = _secret("FalKey")
ASTRIA = _secret("AstriaKey")


def _start(machine: str) -> Rights:
    return {("states:StartExecution", f"<Workflows{machine}>")}


FUNCTIONS: dict[str, Rights] = {
    "authorize_request": set(),
    "create_references": _put("uploads"),
    "list_providers": set(),
    "create_identity": WRITE_TABLE
    | _get("uploads", "references")
    | _put("references")
    | LIST
    | {("lambda:InvokeFunction", "<FunctionsScoreImage>")}
    | _start("TrainIdentity"),
    "list_identities": READ_TABLE | _get("references", "weights"),
    "get_identity": READ_TABLE | _get("references", "weights"),
    "create_generation": WRITE_TABLE | _get("generations") | _start("GenerateImages"),
    "get_generation": READ_TABLE | _get("generations"),
    "proxy_fal_instant": WRITE_TABLE
    | _get("generations")
    | _put("references")
    | FAL
    | _start("GenerateImages"),
    "proxy_fal_lora_train": WRITE_TABLE | _put("references") | FAL | _start("TrainIdentity"),
    "proxy_fal_lora_status": READ_TABLE | _get("weights"),
    "proxy_fal_lora_generate": WRITE_TABLE | _get("generations") | FAL | _start("GenerateImages"),
    "proxy_astria_create_tune": WRITE_TABLE | _put("references") | ASTRIA | _start("TrainIdentity"),
    "proxy_astria_get_tune": READ_TABLE,
    "proxy_astria_create_prompt": WRITE_TABLE | _get("generations") | ASTRIA | _start("GenerateImages"),
    "proxy_astria_get_prompt": WRITE_TABLE | _get("generations"),
    "proxy_astria": WRITE_TABLE
    | _get("generations")
    | _put("references")
    | ASTRIA
    | _start("TrainIdentity")
    | _start("GenerateImages"),
    "prepare_training": WRITE_TABLE | _get("references") | FAL,
    "submit_training": WRITE_TABLE | _get("references") | FAL | ASTRIA,
    "check_training": WRITE_TABLE | FAL | ASTRIA,
    "store_weights": WRITE_TABLE | _put("weights"),
    "record_training": WRITE_TABLE,
    "submit_generation": WRITE_TABLE | _get("references", "weights") | FAL | ASTRIA,
    "check_generation": WRITE_TABLE | FAL | ASTRIA,
    "store_images": WRITE_TABLE | _put("generations"),
    "record_generation": WRITE_TABLE,
    "score_image": WRITE_TABLE
    | _get("generations", "references")
    | LIST
    | {
        (f"sqs:{action}", "<EventsUnscored>")
        for action in ("SendMessage", "GetQueueAttributes", "GetQueueUrl")
    },
}

MACHINES: dict[str, list[str]] = {
    "TrainIdentity": [
        "PrepareTraining",
        "SubmitTraining",
        "CheckTraining",
        "StoreWeights",
        "RecordTraining",
    ],
    "GenerateImages": ["SubmitGeneration", "CheckGeneration", "StoreImages", "RecordGeneration"],
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_may_do_exactly_what_is_listed(template: Template, name: str) -> None:
    function = template.functions()[name]
    own_logs = readable(function["LoggingConfig"]["LogGroup"])
    logging = {("logs:CreateLogStream", own_logs), ("logs:PutLogEvents", own_logs)}
    assert template.rights(function["Role"]) == FUNCTIONS[name] | logging | TRACE


def test_every_function_is_listed(template: Template) -> None:
    assert template.functions().keys() == FUNCTIONS.keys()


def test_no_two_functions_share_a_role_or_a_log_group(template: Template) -> None:
    functions = template.functions().values()
    assert len({readable(each["Role"]) for each in functions}) == len(functions)
    assert len({readable(each["LoggingConfig"]["LogGroup"]) for each in functions}) == len(functions)


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_a_machine_may_invoke_exactly_the_functions_that_are_listed(template: Template, name: str) -> None:
    (machine,) = (
        properties
        for logical_id, properties in template.resources("AWS::StepFunctions::StateMachine").items()
        if logical_id.startswith(f"Workflows{name}")
    )
    rights = template.rights(machine["RoleArn"])
    invoked = {resource for action, resource in rights if action == "lambda:InvokeFunction"}
    expected = {f"<Functions{function}>" for function in MACHINES[name]}
    assert invoked == expected | {f"{function}:$LATEST" for function in expected}
    others = {action for action, _ in rights} - {"lambda:InvokeFunction"}
    assert {action.split(":")[0] for action in others} == {"logs", "xray"}


def test_nothing_else_in_the_stack_has_a_role(template: Template) -> None:
    assert len(template.resources("AWS::IAM::Role")) == len(FUNCTIONS) + len(MACHINES)


def test_who_may_call_a_function_from_outside(template: Template) -> None:
    permissions = template.resources("AWS::Lambda::Permission").values()
    callers = {(each["Principal"], readable(each["FunctionName"])) for each in permissions}
    routed = "AuthorizeRequest CreateReferences ListProviders CreateIdentity ListIdentities GetIdentity"
    assert callers == {
        *(("apigateway.amazonaws.com", f"<Functions{name}>") for name in routed.split()),
        ("apigateway.amazonaws.com", "<FunctionsCreateGeneration>"),
        ("apigateway.amazonaws.com", "<FunctionsGetGeneration>"),
        *(
            ("apigateway.amazonaws.com", f"<Functions{pascal(name)}>")
            for name in FUNCTIONS
            if "proxy" in name
        ),
        ("events.amazonaws.com", "<FunctionsScoreImage>"),
    }
    assert all("SourceArn" in each for each in permissions), "anyone's API or rule could call it"
