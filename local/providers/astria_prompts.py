"""Astria's prompts: create, read, list, delete."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image
from starlette.requests import Request

from local.providers.astria_objects import LIFETIME, Prompt, Tune, num_images, shots
from local.providers.astria_rules import BASE_TUNES, FLUX, LORA_ROUTE, TAG, Refused, Rules
from local.providers.astria_tunes import AstriaTunes, pay, read_fields
from local.providers.clock import NEVER, Schedule
from local.providers.faults import Fault
from local.providers.media import MediaFile, MediaStore, origin_of
from local.providers.rendering import Shot, black_frame, render
from local.providers.stage import Stage

FIRST_PROMPT_ID = 45042524
PICTURE_COST_MC = 2_300
FIDELITY = 0.9
NSFW = "Your prompt was flagged as not safe for work"


@dataclass(frozen=True)
class Cast:
    """Whom a prompt shows: the tunes it names, and whether any of them is a mock."""

    tunes: list[Tune]

    @property
    def mock(self) -> bool:
        return any(tune.branch == "fast" for tune in self.tunes)

    @property
    def photographs(self) -> list[Image.Image]:
        return [] if self.mock or not self.tunes else self.tunes[0].photographs


class AstriaPrompts:
    """The prompts of the account."""

    def __init__(self, stage: Stage, media: MediaStore, rules: Rules, tunes: AstriaTunes) -> None:
        self._stage = stage
        self._media = media
        self._rules = rules
        self._tunes = tunes
        self._prompts: dict[int, Prompt] = {}
        self._next_id = FIRST_PROMPT_ID

    def clear(self) -> None:
        """Forget all prompts; their ids stay used up."""
        self._prompts.clear()

    def find(self, prompt_id: int, tune_id: int | None) -> Prompt | None:
        """The prompt, if it belongs to that tune (None: to any)."""
        prompt = self._prompts.get(prompt_id)
        return prompt if prompt is not None and tune_id in (None, prompt.tune_id) else None

    def newest_first(self, tune_id: int | None) -> list[Prompt]:
        """The prompts of one tune, or all."""
        return [prompt for prompt in reversed(self._prompts.values()) if tune_id in (None, prompt.tune_id)]

    def delete(self, prompt_id: int) -> None:
        """Forget one prompt."""
        del self._prompts[prompt_id]

    async def create(self, request: Request, tune_id: int, fault: Fault | None) -> Prompt:
        """A new prompt on a tune; one that names an untrained tune waits for it.

        Raises:
            Refused: the tune, the fields or the balance.
        """
        own = self._tunes.find(tune_id)
        if own is None and tune_id not in BASE_TUNES:
            raise Refused({"error": "Not Found"}, 404)
        fields = await read_fields(request, "prompt", self._rules)
        cast = self._checked(fields, tune_id, own)
        cost_mc = 0 if cast.mock else PICTURE_COST_MC * num_images(fields)
        pay(self._stage, f"tunes/{tune_id}/prompts", str(self._next_id), fields, cost_mc)
        prompt = self._prompt(fields, tune_id, cast, cost_mc, fault, origin_of(request))
        self._prompts[prompt.prompt_id] = prompt
        return prompt

    def _checked(self, fields: dict[str, Any], tune_id: int, own: Tune | None) -> Cast:
        """Whom the prompt shows, once nothing is wrong with it."""
        on_flux = tune_id == FLUX.tune_id or (
            own is not None and own.fields.get("base_tune_id") == FLUX.tune_id
        )
        errors = self._rules.prompt_errors(fields, on_flux=on_flux, strict=self._stage.settings.strict)
        text = fields.get("text")
        named = [int(tag[1]) for tag in TAG.finditer(text)] if isinstance(text, str) else []
        tunes = [own] if own is not None else []
        for named_id in named:
            tune = self._tunes.find(named_id)
            if tune is None:
                errors.setdefault("text", []).append(f"refers to tune {named_id}, which does not exist")
            else:
                tunes.append(tune)
        for tune in tunes:
            if isinstance(text, str) and tune.fields.get("model_type") == "lora" and tune.phrase not in text:
                errors.setdefault("text", []).append(f"must include `{tune.phrase}`")
        if errors:
            raise Refused(errors)
        if (
            own is not None
            and own.fields.get("model_type") == "lora"
            and self._stage.settings.astria_lora_route == "reject"
        ):
            raise Refused({"error": LORA_ROUTE})
        return Cast(tunes)

    def _prompt(
        self, fields: dict[str, Any], tune_id: int, cast: Cast, cost_mc: int, fault: Fault | None, origin: str
    ) -> Prompt:
        settings, now = self._stage.settings, self._stage.clock.now()
        prompt_id, self._next_id = self._next_id, self._next_id + 1
        kind = fault.kind if fault is not None else None
        start = max([now, *(tune.schedule.ends_at for tune in cast.tunes)])
        schedule = Schedule.after(
            NEVER if kind == "stuck" else start, settings.queue_s, settings.generation_s
        )
        refusal = None
        if fault is not None and kind == "fail":
            refusal = fault.body if isinstance(fault.body, str) else NSFW
        wanted = (
            [] if refusal else shots(fields, TAG.sub("", fields["text"]).strip(), FIDELITY, mock=cast.mock)
        )
        drawing = self._draw(wanted, cast, origin, black=kind == "blocked")
        return Prompt(prompt_id, tune_id, fields, now, schedule, cost_mc, self._stage.start(drawing), refusal)

    async def _draw(self, wanted: list[Shot], cast: Cast, origin: str, *, black: bool) -> list[str]:
        expiry = self._stage.clock.now() + LIFETIME
        urls = []
        for shot in wanted:
            draw = partial(black_frame, shot.size) if black else partial(render, shot, cast.photographs)
            data = await asyncio.to_thread(draw)
            urls.append(self._media.put(origin, self._stage.new_id(), MediaFile(data, "image/jpeg", expiry)))
        return urls
