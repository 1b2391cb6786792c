"""Keeps ministack's tables, objects and secrets in a state file, from one run to the next.

Knows ministack 1.5.33 from inside. Everything is in memory there; here each change is written to the file
before the request that made it is answered. A new run deploys its stack from nothing: as soon as a table, a
bucket or a secret is made, it gets back what the file has under its name. Names do not change as long as the
stack and the resource's logical id do not. No event is sent for what comes back.

Not kept: object tags, uploads of parts that were not completed, queues, executions of state machines.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import ministack.services.cloudformation.provisioners as provisioners
import ministack.services.dynamodb as dynamodb
import ministack.services.s3 as s3
import ministack.services.secretsmanager as secrets_manager

from local.state_file import StateFile

SECRETS = "secrets"
CHANGES_OF_SECRETS = ("_put_secret_value", "_update_secret")

Document = dict[str, Any]


def install(state: StateFile) -> None:
    """Keep everything in ``state``; once, before the first deployment."""
    keep_items(state)
    keep_objects(state)
    keep_secrets(state)


def keep_items(state: StateFile) -> None:
    """Every item of every table; those of one transaction together."""
    put, remove = dynamodb._set_item, dynamodb._remove_item

    def put_and_keep(table: Document, partition: str, sort: str, item: Document) -> Any:
        with state.together():
            state.put(_items_of(table["TableName"]), json.dumps([partition, sort]), item)
            return put(table, partition, sort, item)

    def remove_for_good(table: Document, partition: str, sort: str) -> Any:
        with state.together():
            state.delete(_items_of(table["TableName"]), json.dumps([partition, sort]))
            return remove(table, partition, sort)

    def bring_back(name: str) -> None:
        for key, item in state.documents(_items_of(name)).items():
            put(dynamodb._tables[name], *json.loads(key), item)

    def together(write: Callable[[Document], Any]) -> Callable[[Document], Any]:
        @functools.wraps(write)
        def write_together(request: Document) -> Any:
            with state.together():
                return write(request)

        return write_together

    dynamodb._set_item = put_and_keep
    dynamodb._remove_item = remove_for_good
    dynamodb._transact_write_items = together(dynamodb._transact_write_items)
    dynamodb._batch_write_item = together(dynamodb._batch_write_item)
    _after_creation("AWS::DynamoDB::Table", bring_back)


def keep_objects(state: StateFile) -> None:
    """The objects of the buckets that a stack makes. Bodies of earlier runs stay on disk until asked for."""
    read = s3._read_body

    def read_or_fetch(bucket: str, key: str, record: Document) -> bytes:
        if record.get("body") is None:
            return state.content(_objects_of(bucket), key)
        body: bytes = read(bucket, key, record)
        return body

    def bring_back(name: str) -> None:
        s3._buckets[name]["objects"] = _KeptObjects(state, _objects_of(name))

    s3._read_body = read_or_fetch
    _name_buckets_like_last_time()
    _after_creation("AWS::S3::Bucket", bring_back)


def _name_buckets_like_last_time() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create = handler["create"]

    def create_with_constant_name(*resource: Any) -> Any:
        if not provisioners._NAME_SEED.get():
            provisioners._NAME_SEED.set("kept")  # else ministack takes a random one
        return create(*resource)

    handler["create"] = create_with_constant_name


class _KeptObjects(dict[str, Document]):
    """A bucket's objects by key: each record with its ``body``, or without if it lies in the file only."""

    def __init__(self, state: StateFile, collection: str) -> None:
        super().__init__(state.documents(collection))
        self._state = state
        self._collection = collection

    def __setitem__(self, key: str, record: Document) -> None:
        description = {name: value for name, value in record.items() if name != "body"}
        with self._state.together():
            self._state.put(self._collection, key, description, record["body"])
            super().__setitem__(key, record)

    def pop(self, key: str, *default: Any) -> Any:
        with self._state.together():
            self._state.delete(self._collection, key)
            return super().pop(key, *default)


def keep_secrets(state: StateFile) -> None:
    """Keep all versions of all secrets."""

    def keeping(change: Callable[[Document], Any]) -> Callable[[Document], Any]:
        def change_and_keep(request: Document) -> Any:
            answer = change(request)
            with state.together():
                for name, secret in list(secrets_manager._secrets.items()):
                    state.put(SECRETS, name, secret["Versions"])
            return answer

        return change_and_keep

    def bring_back(name: str) -> None:
        versions = state.documents(SECRETS).get(name)
        if versions:
            secrets_manager._secrets[name]["Versions"] = versions

    for change in CHANGES_OF_SECRETS:
        setattr(secrets_manager, change, keeping(getattr(secrets_manager, change)))
    _after_creation("AWS::SecretsManager::Secret", bring_back)


def _after_creation(resource_type: str, bring_back: Callable[[str], None]) -> None:
    """Have ``bring_back`` called with the name of each resource of a type that a stack makes."""
    handler = provisioners._RESOURCE_HANDLERS[resource_type]
    create = handler["create"]

    def create_and_bring_back(logical_id: str, properties: Document, stack: str) -> Any:
        name, attributes = create(logical_id, properties, stack)
        bring_back(name)
        return name, attributes

    handler["create"] = create_and_bring_back


def _items_of(table: str) -> str:
    return f"table {table}"


def _objects_of(bucket: str) -> str:
    return f"bucket {bucket}"
