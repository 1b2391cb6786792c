"""Our adapters on a simulator that refuses every unknown field, instead of a network."""

from functools import partial
from typing import Any

import httpx

from character_identity.domain.character_name import trigger_word
from character_identity.domain.identity import Identity
from character_identity.domain.job import JobHandle
from character_identity.outbound.safe_http import SafeHttpClient
from character_identity.ports.providers import (
    GenerationOrder,
    GenerationStatus,
    Provider,
    ReferenceImage,
    TrainingOrder,
)
from character_identity.providers.astria.adapter import Astria
from character_identity.providers.fal.flux_lora import FalFluxLora
from character_identity.providers.fal.instant_character import FalInstantCharacter
from character_identity.providers.fal.platform import FalPlatform
from character_identity.providers.fal.queue import FalQueue
from tests.providers.test_fal_queue import StubKey
from tests.support.builders import a_request, an_identity, some_weights
from tests.support.http import HERE, scripted_client
from tests.support.simulators import (
    ASTRIA,
    FAL_ADMIN_KEY,
    FAL_KEY,
    PLATFORM,
    QUEUE,
    REST,
    Simulation,
    jpeg,
    portrait,
    share_of_cloth,
)

PROMPT = "Sarah, close-up portrait, studio"
PORTRAIT = jpeg(portrait())
LINKS = [f"https://files.test/{number}.jpg" for number in range(1, 6)]
IMAGES = [ReferenceImage(link.rpartition("/")[2], partial(str, link), lambda: PORTRAIT) for link in LINKS]


class Ours:
    """The three adapters; ``can_fetch_our_urls`` is as it is in the cloud."""

    def __init__(self, simulator: Simulation) -> None:
        self.simulator = simulator
        self._answers: dict[str, httpx.Response | Exception] = {}
        client = scripted_client(self._carry, HERE)
        media = SafeHttpClient(HERE, httpx.MockTransport(self._carry))
        queue = FalQueue(client, StubKey("simulator-id:simulator-secret"), QUEUE, REST, media)
        key = StubKey(FAL_KEY["Authorization"].removeprefix("Key "))
        self._admin_key = StubKey(FAL_ADMIN_KEY["Authorization"].removeprefix("Key "))
        self.platform = FalPlatform(client, key, self._admin_key, PLATFORM, simulator.clock.now)
        self.instant = FalInstantCharacter(queue, self.platform)
        self.lora = FalFluxLora(queue, self.platform, can_fetch_our_urls=True)
        self.astria = Astria(client, StubKey("sd_simulator"), ASTRIA, can_fetch_our_urls=True)

    def training(self, provider: FalFluxLora | Astria, callback_url: str | None = None) -> TrainingOrder:
        """An order of Sarah's training, its material prepared."""
        return TrainingOrder(
            title="Sarah [i1]",
            class_name="woman",
            trigger_word=trigger_word("Sarah", "i1"),
            references=IMAGES,
            steps=1000,
            archive_url=provider.training.prepare(IMAGES),
            callback_url=callback_url,
        )

    def order_training(self, provider: FalFluxLora | Astria) -> JobHandle:
        """Sarah's training, ordered."""
        return provider.training.submit(self.training(provider))

    def trained(self, provider: FalFluxLora | Astria) -> Identity:
        """Sarah, once her training is done."""
        handle = self.order_training(provider)
        self.simulator.clock.advance(60)
        status = provider.training.status(handle, 1000)
        assert status.state == "done"
        weights = some_weights(provider_url=status.weights_url) if status.weights_url else None
        return an_identity(weights=weights, provider_model_id=handle.provider_job_id)

    def generation(
        self, identity: Identity, callback_url: str | None = None, **request: Any
    ) -> GenerationOrder:
        """An order of one small picture."""
        weights_link = identity.weights.provider_url if identity.weights else None
        wanted = a_request(**({"prompt": PROMPT, "width": 512, "height": 512} | request))
        is_trained = identity.weights or identity.provider_model_id
        reference_url = None if is_trained else self.instant.images.prepare(IMAGES)
        return GenerationOrder(identity, wanted, weights_link, callback_url, reference_url)

    def generated(self, provider: Provider, identity: Identity, **request: Any) -> GenerationStatus:
        """Return the status of one request when it is done."""
        order = self.generation(identity, **request)
        handle = provider.images.submit(order)
        self.simulator.clock.advance(60)
        return provider.images.status(handle, order.request)

    def likeness(self, generation: GenerationStatus) -> float:
        """Return the share of the first image in the colour of the character's clothes."""
        assert generation.state == "done", generation.reason
        url = generation.images[0].url
        assert url is not None
        return share_of_cloth(self.simulator.image(url))

    def forget_admin_key(self) -> None:
        """As where nobody has put one in."""
        self._admin_key.keys.clear()

    def answer(self, path: str, answer: httpx.Response | Exception) -> None:
        """Have a provider answer so below a path, from now on."""
        self._answers[path] = answer

    def _carry(self, request: httpx.Request) -> httpx.Response:
        for path, answer in self._answers.items():
            if request.url.path.endswith(path):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        url = request.url.copy_with(netloc=request.headers["Host"].encode())
        reply = self.simulator.call(request.method, str(url), headers=request.headers, content=request.read())
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
