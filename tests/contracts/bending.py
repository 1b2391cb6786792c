"""Answers of providers bent at random: of other types, with things missing, added, huge or nested."""

import json
from random import Random
from typing import Any

import httpx

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 7, 2**63, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", " ", "x", "7", "0x7", "null", "NaN", "\u0663", "\x00", "\ud800", "\u202e", "é" * 3000, "9" * 5000),
    *(
        "https://v3.fal.media/1",
        "http://169.254.169.254/",
        "https://\ud800/",
        "javascript:alert(1)",
        "//",
        "data:",
    ),
    *("2026-11-22T10:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "COMPLETED"),
    *([], {}, [[]], [None], [{}], {"": {}}, {"url": {"url": "x"}}, {"id": [7]}, ["x"] * 5000),
)


def bent(good: Any, random: Random) -> Any:
    """A copy of JSON with one to three places changed."""
    answer = json.loads(json.dumps(good))
    for _ in range(random.randint(1, 3)):
        answer = _bent_once(answer, random)
    return answer


def response(good: Any, random: Random) -> httpx.Response:
    """A bent answer that went well, with headers that may be odd too."""
    units = random.choice(["1", "", "-1", "nan", "1e999", "9" * 400, "x"])
    headers = {"content-type": "application/json", "x-fal-billable-units": units}
    return httpx.Response(200, text=json.dumps(bent(good, random)), headers=headers)


def _bent_once(value: Any, random: Random) -> Any:
    if random.random() < 0.3 or not isinstance(value, dict | list) or not value:
        return random.choice([random.choice(ODD), [value], {"data": value}, [value] * 200, str(value)])
    if isinstance(value, list):
        place = random.randrange(len(value))
        return [_bent_once(each, random) if at == place else each for at, each in enumerate(value)]
    name = random.choice(sorted(value))
    match random.choice(["change", "change", "drop", "add", "rename"]):
        case "drop":
            return {key: each for key, each in value.items() if key != name}
        case "add":
            return {**value, random.choice(["error", "detail", "user_error", "logs"]): random.choice(ODD)}
        case "rename":
            return {key.upper() if key == name else key: each for key, each in value.items()}
    return {key: _bent_once(each, random) if key == name else each for key, each in value.items()}
