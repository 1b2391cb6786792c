"""Astria's prompts: create, read, list, delete."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request

from local.simulators.astria.callbacks import AstriaCallbacks
from local.simulators.astria.money import pay, prompt_cost_mc, require_balance
from local.simulators.astria.objects import LIFETIME, NEXT_IDS, PROMPTS, StoredPrompt, StoredTune, shots
from local.simulators.astria.resolve_tunes import ResolvedTunes, TuneResolver
from local.simulators.astria.rules import COMPARED, Rules
from local.simulators.astria.tunes import AstriaTunes, read_fields
from local.simulators.clock import NEVER, Schedule
from local.simulators.drawing.rendering import black_frame, render
from local.simulators.faults import OVERBILLED, Fault
from local.simulators.incoming import root_of
from local.simulators.media import MediaFile, MediaStore, data_uri
from local.simulators.memory import schedule_of
from local.simulators.simulator import Simulator

FIRST_PROMPT_ID = 45042524
FIDELITY = 0.9
NSFW = "Your prompt was flagged as not safe for work"


class AstriaPrompts:
    """The prompts of the account."""

    def __init__(
        self,
        simulator: Simulator,
        media: MediaStore,
        rules: Rules,
        callbacks: AstriaCallbacks,
        tunes: AstriaTunes,
    ) -> None:
        self._simulator = simulator
        self._media = media
        self._rules = rules
        self._callbacks = callbacks
        self._tunes = tunes
        self._tune_resolver = TuneResolver(simulator, rules, tunes)
        self._memory = simulator.memory
        self._prompts: dict[int, StoredPrompt] = {}
        for key, kept in sorted(self._memory.kept(PROMPTS).items(), key=lambda item: int(item[0])):
            self._prompts[int(key)] = self._remembered(int(key), kept)
        self._next_id: int = self._memory.kept(NEXT_IDS).get(PROMPTS, FIRST_PROMPT_ID)

    def clear(self) -> None:
        """Forget all prompts; their ids stay used up."""
        self._prompts.clear()
        self._memory.clear(PROMPTS)

    def find(self, prompt_id: int, tune_id: int | None) -> StoredPrompt | None:
        """The prompt, if it belongs to that tune (None: to any)."""
        prompt = self._prompts.get(prompt_id)
        return prompt if prompt is not None and tune_id in (None, prompt.tune_id) else None

    def newest_first(self, tune_id: int | None) -> list[StoredPrompt]:
        """The prompts of one tune, or all."""
        return [prompt for prompt in reversed(self._prompts.values()) if tune_id in (None, prompt.tune_id)]

    async def delete(self, prompt: StoredPrompt) -> None:
        """Forget one prompt and its pictures."""
        del self._prompts[prompt.prompt_id]
        self._memory.forget(PROMPTS, prompt.prompt_id)
        for url in await asyncio.shield(prompt.work):
            self._media.remove(url)

    async def create(self, request: Request, tune_id: int, fault: Fault | None) -> StoredPrompt:
        """A new prompt on a tune; one that names an untrained tune waits for it.

        Raises:
            OrderRefused: the tune, the fields or the balance.
        """
        self._tune_resolver.require(tune_id)
        fields = await read_fields(request, "prompt", self._rules)
        cast = self._tune_resolver.cast(fields, tune_id)
        earlier = self._earlier(tune_id, fields)
        if earlier is not None:
            return earlier
        if not cast.mock:
            require_balance(self._simulator, prompt_cost_mc(fields))
        return await self._order(request, tune_id, fields, cast, fault)

    async def order_with(self, request: Request, tune: StoredTune) -> None:
        """The prompts that a new tune brought along; they were checked and can be paid."""
        for fields in tune.fields.get("prompts_attributes") or []:
            tune.prompts.append(await self._order(request, tune.tune_id, fields, ResolvedTunes([tune]), None))

    async def _order(
        self, request: Request, tune_id: int, fields: dict[str, Any], cast: ResolvedTunes, fault: Fault | None
    ) -> StoredPrompt:
        cost_mc = 0 if cast.mock else prompt_cost_mc(fields)
        cost_mc *= OVERBILLED if fault is not None and fault.kind == "overbilled" else 1
        pay(self._simulator, f"tunes/{tune_id}/prompts", str(self._next_id), fields, cost_mc)
        prompt = self._prompt(request, tune_id, fields, cast, fault, cost_mc)
        if fault is None or fault.kind != "forgotten":
            self._prompts[prompt.prompt_id] = prompt
            self._keep(prompt)
            prompt.work.add_done_callback(lambda _: self._keep(prompt))
        await self._callbacks.expect(prompt, lambda: prompt.prompt_id in self._prompts)
        return prompt

    def _earlier(self, tune_id: int, fields: dict[str, Any]) -> StoredPrompt | None:
        """The prompt that an account with idempotency means by these values."""
        if not self._simulator.settings.astria_idempotency:
            return None
        same = (
            prompt
            for prompt in self.newest_first(tune_id)
            if all(prompt.fields.get(name) == fields.get(name) for name in COMPARED)
        )
        return next(same, None)

    def _prompt(
        self,
        request: Request,
        tune_id: int,
        fields: dict[str, Any],
        cast: ResolvedTunes,
        fault: Fault | None,
        cost_mc: int,
    ) -> StoredPrompt:
        settings, now = self._simulator.settings, self._simulator.clock.now()
        prompt_id, self._next_id = self._next_id, self._next_id + 1
        self._memory.keep(NEXT_IDS, PROMPTS, self._next_id)
        kind = fault.kind if fault is not None else None
        start = max([now, *(tune.schedule.ends_at for tune in cast.tunes)])
        schedule = Schedule.after(
            NEVER if kind == "stuck" else start, settings.queue_s, settings.generation_s
        )
        if settings.astria_callback_early and fields.get("callback") and start == now and kind != "stuck":
            schedule = Schedule(now, now)
        refusal = NSFW if kind == "fail" else None
        if fault is not None and kind in {"fail", "fewer"} and isinstance(fault.body, str):
            refusal = fault.body
        origin = self._simulator.media_origin(request)
        rendering = self._render(fields, cast, origin, kind)
        return StoredPrompt(
            prompt_id=prompt_id,
            tune_id=tune_id,
            fields=fields,
            created_at=now,
            schedule=schedule,
            cost_mc=cost_mc,
            work=self._simulator.start(rendering),
            url=f"{root_of(request)}/tunes/{tune_id}/prompts/{prompt_id}.json",
            refusal=refusal,
            shown=tuple(tune.tune_id for tune in cast.tunes),
            kind=kind,
            origin=origin,
        )

    def _keep(self, prompt: StoredPrompt) -> None:
        """Keep a prompt as it is now, unless it was deleted."""
        if self._prompts.get(prompt.prompt_id) is prompt:
            self._memory.keep(PROMPTS, prompt.prompt_id, prompt.kept())

    def _remembered(self, prompt_id: int, kept: dict[str, Any]) -> StoredPrompt:
        """A prompt of an earlier process; what that one did not get to is rendered now."""
        tunes = [tune for tune_id in kept["shown"] if (tune := self._tunes.find(tune_id))]
        origin: str = kept["origin"]
        images: list[str] | None = kept["images"]

        async def make() -> list[str]:
            if images is not None:
                return images
            return await self._render(kept["fields"], ResolvedTunes(tunes), origin, kept["kind"])

        prompt = StoredPrompt(
            prompt_id=prompt_id,
            tune_id=kept["tune_id"],
            fields=kept["fields"],
            created_at=datetime.fromisoformat(kept["created_at"]),
            schedule=schedule_of(kept["schedule"]),
            cost_mc=kept["cost_mc"],
            work=self._simulator.start(make()),
            url=kept["url"],
            refusal=kept["refusal"],
            shown=tuple(kept["shown"]),
            kind=kept["kind"],
            origin=origin,
        )
        prompt.work.add_done_callback(lambda _: self._keep(prompt))
        return prompt

    async def _render(
        self, fields: dict[str, Any], cast: ResolvedTunes, origin: str, kind: str | None
    ) -> list[str]:
        wanted = (
            [] if kind == "fail" else shots(fields, cast.spoken(fields["text"]), FIDELITY, mock=cast.mock)
        )
        wanted = wanted[:-1] if kind == "fewer" else wanted
        expiry = self._simulator.clock.now() + LIFETIME
        urls = []
        for shot in wanted:
            rendered = partial(render, shot, cast.photographs)
            data = await asyncio.to_thread(partial(black_frame, shot.size) if kind == "blocked" else rendered)
            data = data[: len(data) // 2] if kind == "truncated" else data
            if kind == "inline":
                urls.append(data_uri(data, "image/jpeg"))
                continue
            urls.append(
                self._media.put(origin, self._simulator.new_id(), MediaFile(data, "image/jpeg", expiry))
            )
        return urls
