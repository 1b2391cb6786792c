"""What AWS asks a role for where nothing here does: the rights that a call takes.

They are those of the table in tests/infra/test_permissions.py, for the names that tests give to things. The
rights of operations: "Actions, resources, and condition keys for AWS services" in the Service Authorization
Reference, and for transactions "IAM and DynamoDB transactions" in DynamoDB's guide, both read 2026-11-29.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

Right = tuple[str, str]
TABLE, BUCKET = "<StorageState>", "<StorageMedia>"
COUNTS = "REQUESTS#"
"""What the keys begin with that a role may be let write alone."""
IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
SECRETS = {"fal": "FalKey", "fal-admin": "FalAdminKey", "astria": "AstriaKey", "provenance": "ProvenanceKey"}
MACHINES = ("TrainIdentity", "GenerateImages", "RunEvaluation")


def needed(service: str, operation: str, asked: Mapping[str, Any]) -> Iterator[Right]:
    """Yield the rights, each an action and a resource, that a call takes."""
    match service, operation:
        case "dynamodb", "TransactWriteItems":
            for item in asked["TransactItems"]:
                for write in item:
                    yield f"dynamodb:{IN_TRANSACTIONS[write]}", TABLE
        case "dynamodb", _:
            index = asked.get("IndexName")
            counts = str(asked.get("Key", {}).get("pk", "")).find(COUNTS) >= 0
            yield f"dynamodb:{operation}", f"{TABLE}/index/{index}" if index else COUNTS if counts else TABLE
        case "s3", "ListObjectsV2":
            yield "s3:ListBucket", BUCKET
        case "s3", "DeleteObjects":
            for each in asked["Delete"]["Objects"]:
                yield "s3:DeleteObject", _objects(each["Key"])
        case "s3", _:
            yield f"s3:{operation}", _objects(asked["Key"])
            if operation == "GetObject":  # else one that is not there is refused: "GetObject" in S3's API
                yield "s3:ListBucket", BUCKET
        case "secretsmanager", _:
            yield f"secretsmanager:{operation}", f"<Storage{SECRETS[asked['SecretId'].lower()]}>"
        case "stepfunctions", "SendTaskSuccess":  # whose token it is, it does not say
            yield "states:SendTaskSuccess", ""
        case "stepfunctions", _:
            arn = asked.get("stateMachineArn") or asked["executionArn"]
            (machine,) = (name for name in MACHINES if name.lower() in arn.lower().replace("_", ""))
            yield f"states:{operation}", f"<Workflows{machine}>"
        case _:
            yield f"{service}:{operation}", ""


def needed_by_links(answer: str) -> Iterator[Right]:
    """Yield the rights that links in an answer take, for a link may do what the role that signed it may."""
    for link in re.findall(r'https?://[^"\s]+X-Amz-Signature=', answer):
        yield "s3:GetObject", _objects(urlsplit(link).path.lstrip("/"))


def lacks(rights: set[Right], needed: Iterable[Right]) -> set[Right]:
    """Return the rights that are needed and that a role has not."""
    return {right for right in needed if not _is_had(right, rights)}


def _is_had(right: Right, rights: set[Right]) -> bool:
    action, resource = right
    if resource == COUNTS:
        return any(had == action and (on == TABLE or COUNTS in on) for had, on in rights)
    return right in rights or (not resource and action in {had for had, _ in rights})


def _objects(key: str) -> str:
    return f"{BUCKET}/{key.partition('/')[0]}/*"
