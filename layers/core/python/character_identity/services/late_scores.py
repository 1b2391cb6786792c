"""Late scores: whoever waits for a score is told when there is none in time."""

from character_identity.domain.event import Event
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.scored_generation import ScoredGeneration
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Generations, Scores
from character_identity.services.webhooks.events import EventService


class LateScoreService:
    """Ends the wait for a generation's scores, which begins with its pictures."""

    def __init__(self, generations: Generations, scores: Scores, events: EventService, now: Now) -> None:
        self._generations = generations
        self._scores = scores
        self._events = events
        self._now = now

    def end_wait(self, generation_id: str) -> None:
        """Publish an event for each picture that no encoder has looked at; doing so twice publishes once.

        Does nothing before the time is over, as when a sweep looks at everything that is open.
        """
        generation = get_or_none(self._generations.get, generation_id)
        now, late = self._now(), []
        if generation is not None:  # else it was erased meanwhile
            scored = ScoredGeneration(generation, now, self._scores.scores_of(generation_id))
            if not scored.is_over:
                return
            images = [image for image in generation.images if scored.is_late(image)]
            late = [Event.of_late_score(generation, image.index, now) for image in images]
        self._scores.stop_waiting(generation_id, late)
        for event in late:
            self._events.publish_soon(event.event_id)
