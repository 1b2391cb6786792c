"""EventBridge's default bus in memory, without rules: what is put there goes nowhere.

It answers as moto does (tests/aws/test_memory_bus.py).
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.support.refusal import Refusal

MOST_ENTRIES = 10
"""https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html, read 2026-11-29."""
REQUIRED = ("Source", "DetailType", "Detail")
KNOWN = {*REQUIRED, "Resources"}


class Bus:
    """Answers the one operation of EventBridge that we call."""

    def __init__(self) -> None:
        self._ids = 0

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked, as the operation of that name does.

        Raises:
            Refusal: EventBridge does not do it.
        """
        known = operation == "PutEvents" and request.keys() == {"Entries"}
        assert known, f"not known here: {operation} with {sorted(request)}"
        if len(request["Entries"]) > MOST_ENTRIES:
            raise Refusal("ValidationException", f"There are more than {MOST_ENTRIES} entries.")
        results = [self._put(entry) for entry in request["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}

    def _put(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        assert entry.keys() <= KNOWN, f"not known here: an entry with {sorted(entry)}"
        for name in REQUIRED:
            if name not in entry:
                reason = f"Parameter {name} is not valid. Reason: {name} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
        try:
            json.loads(entry["Detail"])
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        self._ids += 1
        return {"EventId": f"event-{self._ids}"}
