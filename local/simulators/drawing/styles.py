"""Style: framing, place and light that a prompt asks for, as far as the simulators can draw them."""

import re
from dataclasses import dataclass
from typing import Literal

Framing = Literal["close", "medium", "wide", "action"]
Place = Literal["studio", "city", "corridor", "warehouse", "blinds", "hills"]

PLACES: dict[Place, str] = {
    "city": r"urban|\bcity|street|rooftop|downtown",
    "corridor": r"corridor|hallway|tunnel|train",
    "warehouse": r"warehouse|factory|garage|basement|cellar",
    "blinds": r"noir|detective",
    "hills": r"forest|mountain|meadow|beach|desert|park|garden|lake|seaside",
    "studio": r"studio|portrait|headshot",
}


@dataclass(frozen=True)
class Style:
    """Framing, place and light of one picture."""

    framing: Framing
    place: Place
    profile: bool
    monochrome: bool
    dark: bool
    warm: bool


def style_of(prompt: str) -> Style:
    """Return the style that the words of a prompt describe."""
    text = prompt.lower()

    def says(pattern: str) -> bool:
        return re.search(pattern, text) is not None

    framing: Framing = "medium"
    if says(r"\brun(s|ning)?\b|\bjump|motion blur|action (scene|pose)|dynamic pose"):
        framing = "action"
    elif says(r"wide shot|full[- ]body|from afar"):
        framing = "wide"
    elif says(r"close[- ]?up|headshot"):
        framing = "close"
    return Style(
        framing=framing,
        place=next((place for place, pattern in PLACES.items() if says(pattern)), "hills"),
        profile=says(r"profile|side (angle|view)"),
        monochrome=says(r"black[- ]and[- ]white|monochrome|noir"),
        dark=says(r"\bdark|low[- ](key|light)|shadowy|chiaroscuro|\bnight"),
        warm=says(r"golden hour|sunset|sunrise|warm light|candle"),
    )
