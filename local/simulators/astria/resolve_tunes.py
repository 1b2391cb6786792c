"""Resolves the tunes that a prompt of Astria's names: whom it shows."""

from dataclasses import dataclass
from typing import Any

from PIL import Image

from local.simulators.astria.objects import StoredTune
from local.simulators.astria.rules import BASE_TUNES, FLUX, LORA_ROUTE, TAG, OrderRefused, Rules
from local.simulators.astria.tunes import AstriaTunes
from local.simulators.simulator import Simulator


@dataclass(frozen=True)
class ResolvedTunes:
    """The subjects of a prompt: the tunes it names, and whether any of them is a mock."""

    tunes: list[StoredTune]

    @property
    def mock(self) -> bool:
        return any(tune.branch == "fast" for tune in self.tunes)

    @property
    def photographs(self) -> list[Image.Image]:
        return [] if self.mock or not self.tunes else self.tunes[0].photographs

    def spoken(self, text: str) -> str:
        """The text without its tags, with the tunes' characteristics filled in."""
        for tune in self.tunes:
            for name, value in (tune.fields.get("characteristics") or {}).items():
                text = text.replace(f"{{{{{name}}}}}", str(value))
        return TAG.sub("", text).strip()


class TuneResolver:
    """Finds the tunes, and refuses prompts that name wrong ones or name them wrongly."""

    def __init__(self, simulator: Simulator, rules: Rules, tunes: AstriaTunes) -> None:
        self._simulator = simulator
        self._rules = rules
        self._tunes = tunes

    def require(self, tune_id: int) -> None:
        """Check that there is such a tune, the account's own or one of Astria's.

        Raises:
            OrderRefused: there is none.
        """
        if tune_id not in BASE_TUNES and self._tunes.find(tune_id) is None:
            raise OrderRefused({"error": "Not Found"}, 404)

    def cast(self, fields: dict[str, Any], tune_id: int) -> ResolvedTunes:
        """Return the subjects of a prompt on this tune.

        Raises:
            OrderRefused: what is wrong with the prompt.
        """
        own, settings = self._tunes.find(tune_id), self._simulator.settings
        base_id = tune_id if own is None else own.fields.get("base_tune_id")
        errors = self._rules.prompt_errors(fields, on_flux=base_id == FLUX.tune_id, strict=settings.strict)
        text = fields["text"] if isinstance(fields.get("text"), str) else ""
        found = {int(tag[1]): self._tunes.find(int(tag[1])) for tag in TAG.finditer(text)}
        tunes = [tune for tune in (own, *found.values()) if tune is not None]
        wrong = [f"refers to tune {named}, which does not exist" for named, tune in found.items() if not tune]
        if settings.astria_untrained == "reject":
            wrong += [
                f"refers to tune {tune.tune_id}, which is not trained yet"
                for tune in tunes
                if self._in_training(tune)
            ]
        wrong += [
            f"must include `{tune.phrase}`"
            for tune in tunes
            if text and tune.fields.get("model_type") == "lora" and tune.phrase not in text
        ]
        if wrong:
            errors.setdefault("text", []).extend(wrong)
        if errors:
            raise OrderRefused(errors)
        if (
            own is not None
            and own.fields.get("model_type") == "lora"
            and settings.astria_lora_route == "reject"
        ):
            raise OrderRefused({"error": LORA_ROUTE})
        return ResolvedTunes(tunes)

    def _in_training(self, tune: StoredTune) -> bool:
        return tune.schedule.ends_at > self._simulator.clock.now()
