"""What each role may do, right by right, written out again: a right lost or added fails here."""

import pytest

from character_identity.aws.keys import request_count
from tests.infra.template import Template, readable
from tests.infra.test_api import ROUTES
from tests.support.builders import NOON

pytestmark = pytest.mark.processes

Rights = set[tuple[str, str]]

TABLE = ("<StorageState>", "<StorageState>/index/gsi1")
READING = ("GetItem", "BatchGetItem", "Query")
WRITING = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
READ_TABLE: Rights = {(f"dynamodb:{action}", table) for action in READING for table in TABLE}
WRITE_TABLE: Rights = READ_TABLE | {(f"dynamodb:{action}", table) for action in WRITING for table in TABLE}
COUNTED = f"{request_count('', NOON)['pk']}*"
READ_AND_COUNT: Rights = READ_TABLE | {
    (
        "dynamodb:UpdateItem",
        f"<StorageState> if { ({'ForAllValues:StringLike': {'dynamodb:LeadingKeys': [COUNTED]}}) }",
    )
}
LIST: Rights = {("s3:ListBucket", "<StorageMedia>")}
TRACE: Rights = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}


def _get(*prefixes: str) -> Rights:
    return {("s3:GetObject", f"<StorageMedia>/{prefix}/*") for prefix in prefixes}


def _put(prefix: str) -> Rights:
    return {("s3:PutObject", f"<StorageMedia>/{prefix}/*")}


def _delete(prefix: str) -> Rights:
    return {("s3:DeleteObject", f"<StorageMedia>/{prefix}/*")}


def _secret(name: str) -> Rights:
    return {(f"secretsmanager:{action}Secret{what}", f"<Storage{name}>") for action, what in SECRET_ACTIONS}


SECRET_ACTIONS = (("Get", "Value"), ("Describe", ""))
FAL = _secret("FalKey")
FAL_ADMIN = _secret("FalAdminKey")
ASTRIA = _secret("AstriaKey")
PROVENANCE = _secret("ProvenanceKey")


PUBLISH: Rights = {
    (
        "events:PutEvents",
        "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default",
    )
}


def _take(queue: str) -> Rights:
    """What messages are taken from a queue with."""
    return {(f"sqs:{action}", queue) for action in QUEUE_ACTIONS}


QUEUE_ACTIONS = (
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
)


def _start(machine: str) -> Rights:
    return {("states:StartExecution", f"<Workflows{machine}>")}


ERASE = _delete("references") | _delete("weights") | _delete("generations") | _delete("evaluations")
WATCH: Rights = {
    (
        f"states:{action}",
        "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:"
        f"<Workflows{machine}> by ':' [6]:*",
    )
    for action in ("DescribeExecution", "StopExecution")
    for machine in ("TrainIdentity", "GenerateImages", "RunEvaluation")
}


def _wake(*machines: str) -> Rights:
    return {("states:SendTaskSuccess", f"<Workflows{machine}>") for machine in machines}


WAKE = _wake("TrainIdentity", "GenerateImages")

FUNCTIONS: dict[str, Rights] = {
    "authorize_request": set(),
    "create_references": WRITE_TABLE | _put("uploads"),
    "check_references": WRITE_TABLE
    | _get("uploads")
    | LIST
    | {("lambda:InvokeFunction", "<FunctionsAnalyzeImages>")},
    "list_providers": FAL | ASTRIA,
    "show_start": set(),
    "show_health": set(),
    "show_openapi": set(),
    "show_docs": set(),
    "refuse_unrouted": set(),
    "create_identity": WRITE_TABLE
    | _get("uploads", "references", "weights")
    | _put("references")
    | LIST
    | {("lambda:InvokeFunction", "<FunctionsAnalyzeImages>")}
    | _start("TrainIdentity")
    | PUBLISH,
    "list_identities": READ_AND_COUNT | _get("references"),
    "get_identity": READ_AND_COUNT | _get("references", "weights"),
    "erase_identity": WRITE_TABLE
    | LIST
    | ERASE
    | FAL
    | FAL_ADMIN
    | ASTRIA
    | WAKE
    | PUBLISH
    | _start("RunEvaluation"),
    "rename_identity": WRITE_TABLE | _get("references", "weights"),
    "sweep": WRITE_TABLE
    | LIST
    | _get("evaluations")
    | ERASE
    | FAL
    | FAL_ADMIN
    | ASTRIA
    | WAKE
    | PUBLISH
    | _start("TrainIdentity")
    | _start("GenerateImages")
    | _start("RunEvaluation")
    | WATCH,
    "create_generation": WRITE_TABLE | _get("generations") | _start("GenerateImages"),
    "get_generation": READ_AND_COUNT | _get("generations"),
    "erase_generation": WRITE_TABLE
    | LIST
    | _delete("generations")
    | _delete("evaluations")
    | _start("RunEvaluation")
    | FAL
    | FAL_ADMIN
    | ASTRIA
    | _wake("GenerateImages"),
    "list_generations": READ_AND_COUNT | _get("generations"),
    "cancel_identity": WRITE_TABLE | _get("references", "weights") | _wake("TrainIdentity") | PUBLISH,
    "estimate_identity": WRITE_TABLE,
    "estimate_generation": WRITE_TABLE,
    "compare_images": READ_AND_COUNT | _get("uploads", "references", "generations") | LIST,
    "create_evaluation": WRITE_TABLE
    | _get("uploads")
    | _put("references")
    | _put("evaluations")
    | LIST
    | FAL
    | ASTRIA
    | {("lambda:InvokeFunction", "<FunctionsAnalyzeImages>")}
    | _start("RunEvaluation"),
    "estimate_evaluation": WRITE_TABLE | FAL | ASTRIA,
    "list_evaluations": READ_AND_COUNT,
    "get_evaluation": READ_AND_COUNT,
    "cancel_evaluation": WRITE_TABLE | _wake("TrainIdentity", "RunEvaluation") | PUBLISH,
    "erase_evaluation": WRITE_TABLE | LIST | _delete("references") | _delete("evaluations"),
    "get_evaluation_result": READ_AND_COUNT
    | _get("evaluations", "references", "generations")
    | _put("evaluations")
    | LIST,
    "plan_evaluation": WRITE_TABLE | _get("evaluations") | _put("evaluations") | LIST,
    "make_identities": WRITE_TABLE
    | _get("references")
    | _put("references")
    | LIST
    | {("lambda:InvokeFunction", "<FunctionsAnalyzeImages>")}
    | _start("TrainIdentity")
    | PUBLISH,
    "check_identities": WRITE_TABLE,
    "order_cell": WRITE_TABLE | _get("evaluations") | LIST | _start("GenerateImages"),
    "check_cell": WRITE_TABLE | _wake("GenerateImages") | PUBLISH,
    "check_scores": WRITE_TABLE,
    "compile_evaluation": WRITE_TABLE | _get("evaluations") | _put("evaluations") | LIST,
    "record_evaluation": WRITE_TABLE | _get("evaluations") | LIST | WAKE | PUBLISH,
    "get_usage": READ_AND_COUNT,
    "create_webhook": WRITE_TABLE,
    "list_webhooks": READ_AND_COUNT,
    "manage_webhook": WRITE_TABLE | PUBLISH,
    "get_event": READ_AND_COUNT,
    "replay_event": WRITE_TABLE | PUBLISH,
    "proxy_fal_instant": WRITE_TABLE
    | _get("generations")
    | _put("references")
    | FAL
    | _start("GenerateImages")
    | PUBLISH,
    "proxy_fal_lora_train": WRITE_TABLE | _put("references") | FAL | _start("TrainIdentity"),
    "proxy_fal_lora_status": READ_AND_COUNT | _get("weights"),
    "proxy_fal_lora_generate": WRITE_TABLE | _get("generations") | FAL | _start("GenerateImages"),
    "proxy_astria_create_tune": WRITE_TABLE | _put("references") | ASTRIA | _start("TrainIdentity"),
    "proxy_astria_get_tune": READ_AND_COUNT | ASTRIA,
    "proxy_astria_create_prompt": WRITE_TABLE | _get("generations") | ASTRIA | _start("GenerateImages"),
    "proxy_astria_get_prompt": WRITE_TABLE | _get("generations"),
    "proxy_astria": WRITE_TABLE
    | _get("generations")
    | _put("references")
    | ASTRIA
    | _start("TrainIdentity")
    | _start("GenerateImages"),
    "receive_fal_callback": WRITE_TABLE | WAKE,
    "receive_astria_callback": WRITE_TABLE | WAKE,
    "prepare_training": WRITE_TABLE | _get("references") | LIST | FAL,
    "submit_training": WRITE_TABLE | _get("references") | LIST | FAL | ASTRIA | WAKE,
    "check_training": WRITE_TABLE | FAL | ASTRIA | WAKE,
    "store_weights": WRITE_TABLE | _put("weights") | _delete("weights"),
    "record_training": WRITE_TABLE | PUBLISH | WAKE,
    "wait_for_callback": WRITE_TABLE | WAKE | _wake("RunEvaluation"),
    "prepare_generation": WRITE_TABLE | _get("references") | LIST | FAL,
    "submit_generation": WRITE_TABLE | _get("references", "weights") | LIST | FAL | ASTRIA | WAKE,
    "check_generation": (
        WRITE_TABLE | FAL | ASTRIA | PROVENANCE | WAKE | _put("generations") | _delete("generations")
    ),
    "store_images": WRITE_TABLE | PROVENANCE | _put("generations") | _delete("generations"),
    "record_generation": WRITE_TABLE | PUBLISH | WAKE,
    "deliver_event": WRITE_TABLE | _take("<EventsToDeliver>"),
    "analyze_images": set(),
    "check_prices": FAL,
    "score_image": (
        WRITE_TABLE
        | _get("generations", "references")
        | LIST
        | PUBLISH
        | _take("<EventsToScore>")
        | _wake("RunEvaluation")
    ),
}

MAP: Rights = {
    ("states:StartExecution", "<WorkflowsRunEvaluation>"),
    *(right for right in WATCH if "RunEvaluation" in right[1]),
    (
        "states:RedriveExecution",
        "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:"
        "<WorkflowsRunEvaluation> by ':' [6]/*:*",
    ),
    *_get("evaluations"),
}
"""What a Distributed Map runs its children with, and reads what they are for."""
MACHINES: dict[str, list[str]] = {
    "TrainIdentity": [
        "PrepareTraining",
        "SubmitTraining",
        "CheckTraining",
        "StoreWeights",
        "RecordTraining",
        "WaitForCallback",
    ],
    "GenerateImages": [
        "PrepareGeneration",
        "SubmitGeneration",
        "CheckGeneration",
        "StoreImages",
        "RecordGeneration",
        "WaitForCallback",
    ],
    "RunEvaluation": [
        "PlanEvaluation",
        "MakeIdentities",
        "CheckIdentities",
        "OrderCell",
        "CheckCell",
        "CheckScores",
        "WaitForCallback",
        "CompileEvaluation",
        "RecordEvaluation",
    ],
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
    others = {(action, resource) for action, resource in rights if action != "lambda:InvokeFunction"}
    own = {(action, resource) for action, resource in others if action.split(":")[0] not in {"logs", "xray"}}
    assert own == (MAP if name == "RunEvaluation" else set())


@pytest.mark.parametrize("name", ["WaitForCallback", "ReceiveFalCallback", "ReceiveAstriaCallback"])
def test_the_right_to_wake_a_machine_is_a_policy_of_its_own(template: Template, name: str) -> None:
    """A function waits for its role's own policy, and a machine for the functions that it invokes."""
    waking = {
        logical_id: policy
        for logical_id, policy in template.resources("AWS::IAM::Policy").items()
        if "states:SendTaskSuccess" in str(policy["PolicyDocument"]) and name in str(policy["Roles"])
    }
    ((policy_id, policy),) = waking.items()
    assert len(policy["PolicyDocument"]["Statement"]) == 1
    functions = [
        each for each in template.document["Resources"].values() if "Lambda::Function" in each["Type"]
    ]
    assert not [each for each in functions if policy_id in each.get("DependsOn", [])]


def test_nothing_else_in_the_stack_has_a_role(template: Template) -> None:
    assert len(template.resources("AWS::IAM::Role")) == len(FUNCTIONS) + len(MACHINES)


def test_who_may_call_a_function_from_outside(template: Template) -> None:
    permissions = template.resources("AWS::Lambda::Permission").values()
    callers = {(each["Principal"], readable(each["FunctionName"])) for each in permissions}
    routed = {"<FunctionsAuthorizeRequest>", *ROUTES.values()}
    assert callers == {
        *(("apigateway.amazonaws.com", name) for name in routed),
        ("events.amazonaws.com", "<FunctionsSweep>"),
        ("events.amazonaws.com", "<FunctionsCheckPrices>"),
    }
    assert all("SourceArn" in each for each in permissions), "anyone's API or rule could call it"
