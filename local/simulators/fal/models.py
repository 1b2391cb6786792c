"""The four fal endpoints: what they check, make and charge."""

import asyncio
import base64
import hashlib
import json
import logging
import re
from collections.abc import Awaitable, Callable
from functools import cache, partial

from PIL import Image

from local.photographs import EILEEN
from local.simulators.contracts import contract
from local.simulators.drawing.rendering import Shot, black_frame, render
from local.simulators.fal import inputs
from local.simulators.fal.dialects import in_dialect
from local.simulators.fal.errors import FalAnswer, Json, ModelError, internal_server_error, problem
from local.simulators.fal.orders import (
    DEFAULT_STEPS,
    ENDPOINTS,
    FLUX,
    INSTANT,
    LORA,
    TRAINING,
    Order,
    application_of,
    training_steps,
)
from local.simulators.fal.validation import checked
from local.simulators.incoming import parsed
from local.simulators.lora_file import no_lora, write_lora
from local.simulators.media import MediaFile, MediaStore, data_uri
from local.simulators.simulator import Simulator

MEGAPIXEL = 1_048_576
LARGEST_SIDE = 4096
INSTANT_FIDELITY = 0.8
TRAINED_FIDELITY = 0.92
TEXT_FIDELITY = 0.85
PERSON = re.compile(r"\b(woman|man|girl|boy|person|fe?male|actor|actress)\b", re.IGNORECASE)
"""What is drawn from words alone has somebody in it if they name one; here it is always the same face."""
NAMED_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}

logger = logging.getLogger(__name__)


class FalModels:
    """Runs calls of the endpoints; a refused input is an outcome, not an exception."""

    def __init__(self, simulator: Simulator, media: MediaStore) -> None:
        self._simulator = simulator
        self._media = media
        documents = {name: contract(name.replace("fal-ai/", "fal-").replace("/", "-")) for name in ENDPOINTS}
        self._inputs: dict[str, Json] = {
            name: document["$defs"]["Input"] for name, document in documents.items()
        }
        self.prices_usd = {name: float(document["x-price"]["amount"]) for name, document in documents.items()}
        self._makers: dict[str, Callable[[Order, Json], Awaitable[FalAnswer]]] = {
            INSTANT: self._instant_character,
            TRAINING: self._train,
            LORA: self._flux_lora,
            FLUX: self._flux,
        }

    def cost_usd(self, endpoint: str, outcome: FalAnswer) -> float:
        """Return the cost of an outcome."""
        return round(self.prices_usd.get(endpoint, 0) * outcome.billable_units, 6)

    def discard(self, outcome: FalAnswer) -> None:
        """Forget the files that it made: it was worked out ahead of its time, which never came."""
        for link in outcome.links:
            self._media.remove(link)

    async def run(self, order: Order) -> FalAnswer:
        """Check the input and make what it asks for, unless a fault was armed for it."""
        if order.fault is not None and order.fault.kind in ("fail", "stuck"):
            forced = order.fault.body
            return (
                FalAnswer(order.fault.status, forced) if isinstance(forced, dict) else internal_server_error()
            )
        if order.endpoint not in ENDPOINTS:
            path = order.endpoint.removeprefix(application_of(order.endpoint)) or "/"
            return FalAnswer(404, {"detail": f"Path {path} not found"})
        payload = parsed(order.body)
        try:
            if payload is None:
                raise ModelError([problem("json_invalid", ["body"], "JSON decode error")])
            fields = checked(self._inputs[order.endpoint], payload, strict=self._simulator.settings.strict)
            return await self._makers[order.endpoint](order, fields)
        except ModelError as refusal:
            return FalAnswer(
                422, {"detail": in_dialect(refusal.detail, self._simulator.settings.fal_dialect)}
            )
        except Exception:
            logger.exception("%s crashed", order.endpoint)
            return internal_server_error()

    async def _instant_character(self, order: Order, fields: Json) -> FalAnswer:
        image = await inputs.photograph(self._simulator.downloads, fields["image_url"], ["body", "image_url"])
        likeness = INSTANT_FIDELITY * min(1.0, 0.5 + fields["scale"] / 2)
        return await self._images(order, fields, [image] if fields["scale"] > 0 else [], likeness)

    async def _flux_lora(self, order: Order, fields: Json) -> FalAnswer:
        known: list[Image.Image] = []
        for number, entry in enumerate(fields["loras"]):
            lora = await inputs.lora(
                self._simulator.downloads, entry["path"], ["body", "loras", number, "path"]
            )
            if entry.get("scale", 1) > 0 and lora.answers_to(fields["prompt"]):
                known = known or lora.images
        return await self._images(order, fields, known, TRAINED_FIDELITY)

    async def _flux(self, order: Order, fields: Json) -> FalAnswer:
        known = [await asyncio.to_thread(somebody)] if PERSON.search(fields["prompt"]) else []
        return await self._images(order, fields, known, TEXT_FIDELITY)

    async def _images(
        self, order: Order, fields: Json, known: list[Image.Image], fidelity: float
    ) -> FalAnswer:
        width, height = _size(fields["image_size"])
        seed = fields.get("seed")
        seed = self._simulator.new_seed() if seed is None else seed
        blocked = order.suffers("blocked") and bool(fields["enable_safety_checker"])
        images = []
        for number in range(fields["num_images"] - order.suffers("fewer")):
            name = order.endpoint.removeprefix("fal-ai/")
            shot = Shot(f"fal {name}", fields["prompt"], width, height, seed + number, fidelity)
            make = partial(black_frame, shot.size) if blocked else partial(render, shot, known)
            data = await asyncio.to_thread(make, fields["output_format"])
            images.append(self._image(order, data, shot, fields))
        body = {
            "images": images,
            "timings": {"inference": self._simulator.settings.generation_s},
            "seed": seed,
            "has_nsfw_concepts": [blocked] * len(images),
            "prompt": fields["prompt"],
        }
        return FalAnswer(200, body, self._megapixels(order.endpoint, width * height) * len(images))

    def _image(self, order: Order, data: bytes, shot: Shot, fields: Json) -> Json:
        content_type = f"image/{fields['output_format']}"
        if fields["sync_mode"]:
            url = f"data:{content_type};base64,{base64.b64encode(data).decode()}"
        else:
            suffix = "jpg" if fields["output_format"] == "jpeg" else "png"
            url = self._store(order, data, content_type, f"picture.{suffix}")
        image: Json = {"url": url, "width": shot.width, "height": shot.height, "content_type": content_type}
        if order.endpoint == INSTANT:
            image |= {"file_name": None, "file_size": None}
            if self._simulator.settings.fal_bare_images:
                return dict.fromkeys(image) | {"url": url}
        return image

    def _megapixels(self, endpoint: str, pixels: int) -> float:
        return float(-(-pixels // MEGAPIXEL)) if endpoint == FLUX else round(pixels / MEGAPIXEL, 6)

    async def _train(self, order: Order, fields: Json) -> FalAnswer:
        loc = ["body", "images_data_url"]
        images = await inputs.training_images(
            self._simulator.downloads, fields["images_data_url"], fields.get("data_archive_format"), loc
        )
        trigger, steps = fields.get("trigger_word"), training_steps(fields)
        weights = (
            no_lora()
            if order.suffers("foreign")
            else await asyncio.to_thread(write_lora, images, trigger, steps)
        )
        config = json.dumps(
            {"trigger_word": trigger, "steps": steps, "pictures": len(images)}, indent=2
        ).encode()
        body = {
            "diffusers_lora_file": self._file(order, weights, "pytorch_lora_weights.safetensors"),
            "config_file": self._file(order, config, "config.json"),
            "debug_preprocessed_output": None,
        }
        return FalAnswer(200, body, steps / DEFAULT_STEPS)

    def _file(self, order: Order, data: bytes, name: str) -> Json:
        content_type = "application/json" if name.endswith(".json") else "application/octet-stream"
        url = self._store(order, data, content_type, name)
        return {"url": url, "content_type": content_type, "file_name": name, "file_size": len(data)}

    def _store(self, order: Order, data: bytes, content_type: str, name: str) -> str:
        folder = hashlib.sha256(self._simulator.new_id().encode()).hexdigest()[:16]
        data = data[: len(data) // 2] if order.suffers("truncated") else data
        if order.suffers("inline"):
            return data_uri(data, content_type)
        file = MediaFile(data, content_type, self._simulator.media_expiry(order.options.lifetime_s))
        return self._media.put(order.origin, f"files/b/{folder}/{name}", file)


@cache
def somebody() -> Image.Image:
    """Whoever stands model for people that are only described."""
    with Image.open(EILEEN.path) as image:
        return image.convert("RGB")


def _size(image_size: str | Json) -> tuple[int, int]:
    if isinstance(image_size, str):
        return NAMED_SIZES[image_size]
    width, height = image_size.get("width", 512), image_size.get("height", 512)
    if max(width, height) > LARGEST_SIDE:
        limit = {"max_width": LARGEST_SIDE, "max_height": LARGEST_SIDE}
        message = "The simulator renders no image that large."
        raise ModelError(
            [problem("image_too_large", ["body", "image_size"], message, given=image_size, ctx=limit)]
        )
    return width, height
