"""Refusals in Astria's words: a map from field to messages."""

import re
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from local.simulators.contracts import closed, contract, missing_fields, unknown_fields

TAG = re.compile(r"<(?:lora|faceid):(\d+):([\d.]+)>")
LARGEST_FLUX_GUIDANCE = 5
UNKNOWN = "is not a known parameter (a strict simulator: the real server ignores it)"
NO_IMAGES = "must contain at least one image"
LORA_ROUTE = "model_type=lora is not supported. Use a checkpoint instead"


@dataclass(frozen=True)
class BaseTune:
    """A model of Astria's own that tunes are made from."""

    tune_id: int
    branch: str


FLUX = BaseTune(1504944, "flux1")
BASE_TUNES = {tune.tune_id: tune for tune in (FLUX, BaseTune(690204, "sd15"))}

COMPARED = (
    "text",
    "cfg_scale",
    "steps",
    "seed",
    "callback",
    "negative_prompt",
    "super_resolution",
    "face_correct",
    "ar",
    "num_images",
    "controlnet",
    "denoising_strength",
    "use_lpw",
    "controlnet_conditioning_scale",
    "w",
    "h",
    "hires_fix",
    "scheduler",
    "controlnet_txt2img",
    "inpaint_faces",
)
"""The fields that make two prompts of a tune the same with idempotency; aspect_ratio does not."""

Errors = dict[str, list[str]]


class OrderRefused(Exception):
    """A call that Astria does not take; ``body`` is the answer."""

    def __init__(self, body: dict[str, Any], status: int = 422) -> None:
        super().__init__(str(body))
        self.body = body
        self.status = status


def branch_of(fields: dict[str, Any]) -> str:
    """The branch a new tune lands on: as asked, else its base's, else sd15."""
    base = BASE_TUNES.get(fields.get("base_tune_id") or 0)
    return fields.get("branch") or (base.branch if base else "sd15")


def token_of(fields: dict[str, Any]) -> str:
    """The word that calls a new tune's subject."""
    flux_based = fields.get("base_tune_id") == FLUX.tune_id
    return fields.get("token") or ("ohwx" if flux_based or branch_of(fields) in ("flux1", "sdxl1") else "sks")


class Rules:
    """The create schemas, and what they do not say."""

    def __init__(self) -> None:
        self._schemas = {name: _request_schema(name) for name in ("tune", "prompt")}

    def properties(self, resource: str) -> dict[str, Any]:
        """The known fields of a resource."""
        properties: dict[str, Any] = self._schemas[resource]["properties"]
        return properties

    def tune_errors(self, fields: dict[str, Any], *, strict: bool) -> Errors:
        """Return the errors of a new tune, before its images are read."""
        files = fields.get("images")
        sent = [value for value in files if isinstance(value, bytes)] if isinstance(files, list) else []
        described = {name: value for name, value in fields.items() if name != "images"}
        if sent:
            described.setdefault("image_urls", ["https://uploaded.invalid/"])
        errors = self._schema_errors("tune", described, strict=strict)
        if "image_urls" in errors and not described.get("image_urls"):
            del errors["image_urls"]
            errors["images"] = [NO_IMAGES]
        base = fields.get("base_tune_id")
        if base is not None and base not in BASE_TUNES and "base_tune_id" not in errors:
            errors["base_tune_id"] = ["is not a tune this simulator knows"]
        return errors or _errors_of_prompts(fields)

    def prompt_errors(self, fields: dict[str, Any], *, on_flux: bool, strict: bool) -> Errors:
        """Return the errors of a new prompt, apart from the tunes it names."""
        errors = self._schema_errors("prompt", fields, strict=strict)
        return errors | _flux_errors(fields) if on_flux else errors

    def _schema_errors(self, resource: str, fields: dict[str, Any], *, strict: bool) -> Errors:
        schema = self._schemas[resource]
        errors: Errors = {}
        for error in Draft202012Validator(closed(schema) if strict else schema).iter_errors(fields):
            for name, message in _messages(error):
                errors.setdefault(name, []).append(message)
        return errors


def _errors_of_prompts(fields: dict[str, Any]) -> Errors:
    """Return the errors in the prompts of a new Flux tune that the schema cannot find."""
    errors: Errors = {}
    phrase = f"{token_of(fields)} {fields['name']}"
    ordered = fields.get("prompts_attributes") or []
    for prompt in ordered if branch_of(fields) == FLUX.branch else []:
        found = _flux_errors(prompt)
        if phrase not in prompt["text"]:
            found["text"] = [f"must include `{phrase}`"]
        errors |= {f"prompts.{name}": messages for name, messages in found.items()}
    return errors


def _flux_errors(fields: dict[str, Any]) -> Errors:
    errors: Errors = {}
    guidance = fields.get("cfg_scale")
    if fields.get("negative_prompt"):
        errors["negative_prompt"] = ["not supported on Flux"]
    if isinstance(guidance, int | float) and guidance >= LARGEST_FLUX_GUIDANCE:
        errors["cfg_scale"] = [f"must be less than {LARGEST_FLUX_GUIDANCE}"]
    return errors


def _messages(error: ValidationError) -> list[tuple[str, str]]:
    limit: Any = error.validator_value
    if error.validator == "additionalProperties" and not error.absolute_path:
        return [(name, UNKNOWN) for name in unknown_fields(error)]
    if error.validator == "required" and not error.absolute_path:
        return [(name, "can't be blank") for name in missing_fields(error)]
    name = str(error.absolute_path[0])
    words = {
        "minLength": "can't be blank",
        "minItems": NO_IMAGES,
        "pattern": "only English letters, numbers and spaces allowed",
        "enum": "is not included in the list",
        "minimum": f"must be greater than or equal to {limit}",
        "maximum": f"must be less than or equal to {limit}",
        "multipleOf": f"must be a multiple of {limit}",
    }
    return [(name, words.get(str(error.validator), "is invalid"))]


def _request_schema(resource: str) -> dict[str, Any]:
    request: dict[str, Any] = contract(f"astria-{resource}")["$defs"]["CreateRequest"]
    schema: dict[str, Any] = request["properties"][resource]
    return schema
