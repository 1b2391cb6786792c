"""Puts the pool of sandboxes in the place of ministack's Lambda executor.

Knows ministack 1.5.33 from inside.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from threading import Lock
from typing import Any

import ministack.services.lambda_svc as lambda_service

from local import image_function
from local.gate import AccessKey
from local.lambda_pool import Pool
from local.lambda_sandbox import Function
from local.packages import PYTHON_VERSION
from scripts.atomic import new_folder

WHOLE_CORE_MB = 1769  # "at 1,769 MB, a function has the equivalent of one vCPU", AWS Lambda developer guide


class PoolExecutor:
    """Runs the functions that ministack knows of in the pool."""

    def __init__(self, pool: Pool, state: Path, endpoint_url: str, key: AccessKey, runtime: Path) -> None:
        self._pool = pool
        self._state = state
        self._endpoint_url = endpoint_url
        self._key = key
        self._runtime = runtime
        self._functions: dict[tuple[str, str, str], Function] = {}
        self._lock = Lock()

    def install(self) -> None:
        """Make ministack run zip functions and image functions here."""
        lambda_service._execute_function_warm = self.execute
        lambda_service._execute_function_docker = self.execute

    def execute(self, record: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        """One invocation, in the shape that ministack's executors answer."""
        function = self._function(record)
        invocation = self._pool.invoke(function, json.dumps(event).encode(), request_id)
        return {"body": json.loads(invocation.payload), "error": invocation.failed, "log": ""}

    def _function(self, record: dict[str, Any]) -> Function:
        """The pool's function for a record; another one, with new sandboxes, after each change."""
        config = record.get("config") or record
        key = (config["FunctionName"], config["Version"], config["RevisionId"])
        with self._lock:
            if key not in self._functions:
                self._functions[key] = self._unpacked(record, config)
            return self._functions[key]

    def _unpacked(self, record: dict[str, Any], config: dict[str, Any]) -> Function:
        name, memory_mb = config["FunctionName"], config["MemorySize"]
        environment = self._environment(config)
        if config["PackageType"] == "Image":
            image = image_function.load(self._state, config["ImageUri"].rpartition(":")[2])
            task_root, import_path = image.task_root, list(image.import_path)
            overridden = config.get("ImageConfigResponse", {}).get("ImageConfig", {}).get("Command")
            (handler,) = overridden or [image.handler]
            environment = {**image.environment, **environment}
        else:
            task_root, handler = self._folder(record["code_zip"]), config["Handler"]
            layers = [
                self._folder(lambda_service._resolve_layer_zip(layer)) for layer in config.get("Layers", [])
            ]
            packages = Path("python") / "lib" / f"python{PYTHON_VERSION}" / "site-packages"
            import_path = [layer / inside for layer in layers for inside in (packages, "python")]
        return Function(
            name=name,
            handler=handler,
            task_root=task_root,
            import_path=(*import_path, self._runtime),
            environment=environment,
            memory_mb=memory_mb,
            timeout_s=config["Timeout"],
            version=config["Version"],
            arn=config["FunctionArn"],
            # What fills a core gains nothing from more processes than there are cores.
            max_sandboxes=(os.cpu_count() or 1) if memory_mb >= WHOLE_CORE_MB else Function.max_sandboxes,
        )

    def _environment(self, config: dict[str, Any]) -> dict[str, str]:
        region = config["FunctionArn"].split(":")[3]
        logging = config.get("LoggingConfig") or {}
        return {
            "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat", "Text"),
            "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", ""),
            "AWS_ENDPOINT_URL": self._endpoint_url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": self._key.id,
            "AWS_SECRET_ACCESS_KEY": self._key.secret,
            **(config.get("Environment") or {}).get("Variables", {}),
        }

    def _folder(self, archive: bytes) -> Path:
        """The unpacked archive, kept from one start to the next."""
        folder = self._state / "code" / hashlib.sha256(archive).hexdigest()[:24]
        if not folder.exists():
            with new_folder(folder) as unfinished, zipfile.ZipFile(io.BytesIO(archive)) as zipped:
                zipped.extractall(unfinished)
        return folder
