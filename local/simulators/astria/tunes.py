"""Astria's tunes: create, read, list, change, delete."""

import asyncio
from typing import Any

from PIL import Image
from starlette.requests import Request

from local.simulators.astria.callbacks import AstriaCallbacks
from local.simulators.astria.money import TUNE_COST_MC, pay, prompt_cost_mc, require_balance
from local.simulators.astria.objects import LIFETIME, NEXT_IDS, TUNES, StoredTune
from local.simulators.astria.rules import OrderRefused, Rules, branch_of, token_of
from local.simulators.clock import NEVER, Schedule
from local.simulators.downloads import DownloadFailed, FileTooLarge
from local.simulators.drawing.photographs import NotAnImage, read_photograph
from local.simulators.faults import Fault
from local.simulators.forms import UnreadableBody, coerced, resource_fields
from local.simulators.incoming import origin_of, root_of
from local.simulators.media import MediaFile, MediaStore
from local.simulators.simulator import Simulator

FIRST_TUNE_ID = 788416
CHANGEABLE = {"title", "name", "auto_extend", "characteristics"}
LARGEST_IMAGE_BYTES = 30_000_000


async def read_fields(request: Request, resource: str, rules: Rules) -> dict[str, Any]:
    """The fields a create call sent."""
    try:
        fields = resource_fields(resource, request.headers.get("content-type", ""), await request.body())
    except UnreadableBody as exc:
        raise OrderRefused({"error": f"param is missing or the value is empty: {resource}"}, 400) from exc
    return coerced(fields, rules.properties(resource))


class AstriaTunes:
    """The tunes of the account."""

    def __init__(
        self, simulator: Simulator, media: MediaStore, rules: Rules, callbacks: AstriaCallbacks
    ) -> None:
        self._simulator = simulator
        self._media = media
        self._rules = rules
        self._callbacks = callbacks
        self._memory = simulator.memory
        self._tunes = {
            int(tune_id): StoredTune.of(int(tune_id), kept, self._photographs(kept["orig_images"]))
            for tune_id, kept in sorted(self._memory.kept(TUNES).items(), key=lambda item: int(item[0]))
        }
        self._next_id: int = self._memory.kept(NEXT_IDS).get(TUNES, FIRST_TUNE_ID)

    def clear(self) -> None:
        """Forget all tunes; their ids stay used up."""
        self._tunes.clear()
        self._memory.clear(TUNES)

    def finish(self) -> None:
        """End now the trainings that are under way; a callback comes when it was to come."""
        now = self._simulator.clock.now()
        for tune in self._tunes.values():
            if tune.schedule.ends_at > now:
                tune.schedule = tune.schedule.ended(now)
                self._memory.keep(TUNES, tune.tune_id, tune.kept())

    def find(self, tune_id: int) -> StoredTune | None:
        """The tune, unless it is unknown or gone."""
        tune = self._tunes.get(tune_id)
        return None if tune is None or tune.gone(self._simulator.clock.now()) else tune

    def newest_first(self, title: str | None) -> list[StoredTune]:
        """The tunes whose title holds the given text."""
        kept = [tune for tune_id in self._tunes if (tune := self.find(tune_id))]
        return [tune for tune in reversed(kept) if title is None or title in tune.fields["title"]]

    def delete(self, tune: StoredTune) -> None:
        """Forget one tune and its training pictures."""
        del self._tunes[tune.tune_id]
        self._memory.forget(TUNES, tune.tune_id)
        for url in tune.orig_images:
            self._media.remove(url)

    async def create(self, request: Request, fault: Fault | None) -> tuple[StoredTune, bool]:
        """A new tune, or with idempotency the one of that title, and whether it is new.

        The training pictures are fetched and read before the answer.

        Raises:
            OrderRefused: the fields, a picture or the balance.
        """
        fields = await read_fields(request, "tune", self._rules)
        errors = self._rules.tune_errors(fields, strict=self._simulator.settings.strict)
        if errors:
            raise OrderRefused(errors)
        earlier = self._earlier(fields["title"])
        if earlier is not None:
            return earlier, False
        files = await self._images(fields)
        try:
            photographs = [await asyncio.to_thread(read_photograph, file) for file in files]
        except NotAnImage as exc:
            raise OrderRefused({"images": [f"could not be read: {exc}"]}) from exc
        self._pay(fields)
        tune = self._tune(request, fields, fault, files)
        tune.photographs = photographs
        if fault is None or fault.kind != "forgotten":
            self._tunes[tune.tune_id] = tune
            self._memory.keep(TUNES, tune.tune_id, tune.kept())
        await self._callbacks.expect(tune, lambda: tune.tune_id in self._tunes)
        return tune, True

    async def change(self, request: Request, tune: StoredTune) -> None:
        """Change the few fields that can be.

        Raises:
            OrderRefused: what is wrong with the new values.
        """
        strict = self._simulator.settings.strict
        sent = await read_fields(request, "tune", self._rules)
        changes = {name: value for name, value in sent.items() if name in CHANGEABLE}
        errors = self._rules.tune_errors(tune.fields | (sent if strict else changes), strict=strict)
        errors |= {name: ["cannot be changed"] for name in sent.keys() - CHANGEABLE if strict}
        about_changes = {name: messages for name, messages in errors.items() if name in sent}
        if about_changes:
            raise OrderRefused(about_changes)
        tune.fields |= changes
        self._memory.keep(TUNES, tune.tune_id, tune.kept())

    def _photographs(self, urls: list[str]) -> list[Image.Image]:
        """The pictures behind some of our URLs, as far as they are still there."""
        return [read_photograph(file) for url in urls if (file := self._media.read(url)) is not None]

    def _earlier(self, title: str) -> StoredTune | None:
        """The tune that an account with idempotency means by this title."""
        if not self._simulator.settings.astria_idempotency:
            return None
        return next((tune for tune in self.newest_first(title) if tune.fields["title"] == title), None)

    def _pay(self, fields: dict[str, Any]) -> None:
        mock = branch_of(fields) == "fast"
        cost_mc = 0 if mock or fields.get("model_type") == "faceid" else TUNE_COST_MC
        ordered = [] if mock else fields.get("prompts_attributes") or []
        require_balance(self._simulator, cost_mc + sum(map(prompt_cost_mc, ordered)))
        pay(self._simulator, "tunes", str(self._next_id), fields, cost_mc)

    async def _images(self, fields: dict[str, Any]) -> list[bytes]:
        files = [value for value in fields.get("images") or [] if isinstance(value, bytes)]
        for url in fields.get("image_urls") or []:
            try:
                if not url.isascii():
                    raise DownloadFailed("the URL is not percent-encoded")
                files.append(await self._simulator.downloads.fetch(url, LARGEST_IMAGE_BYTES))
            except (DownloadFailed, FileTooLarge) as exc:
                raise OrderRefused({"images": [f"could not download {url}"]}) from exc
        return files

    def _tune(
        self, request: Request, fields: dict[str, Any], fault: Fault | None, files: list[bytes]
    ) -> StoredTune:
        settings, now = self._simulator.settings, self._simulator.clock.now()
        tune_id, self._next_id = self._next_id, self._next_id + 1
        self._memory.keep(NEXT_IDS, TUNES, self._next_id)
        expected = Schedule.after(now, settings.queue_s, settings.training_s)
        schedule = expected
        called_early = settings.astria_callback_early and bool(fields.get("callback"))
        if fields.get("model_type") == "faceid" or called_early:
            schedule = Schedule(now, now)
        if fault is not None and fault.kind == "stuck":
            schedule = Schedule(expected.starts_at, NEVER)
        expiry = schedule.ends_at + LIFETIME if schedule.ends_at < NEVER else NEVER
        stored = [MediaFile(file, "application/octet-stream", expiry) for file in files]
        return StoredTune(
            tune_id=tune_id,
            fields=fields,
            branch=branch_of(fields),
            token=token_of(fields),
            created_at=now,
            schedule=schedule,
            eta=expected.ends_at,
            photographs=[],
            orig_images=[
                self._media.put(origin_of(request), self._simulator.new_id(), file) for file in stored
            ],
            url=f"{root_of(request)}/tunes/{tune_id}.json",
            failed=fault is not None and fault.kind == "fail",
        )
