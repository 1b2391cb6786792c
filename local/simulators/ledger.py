"""Ledger of the orders that would have been paid for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from local.simulators.memory import Memory

CALLS = "calls"

Provider = Literal["fal", "astria"]


@dataclass
class Call:
    """One accepted order; its cost is None until it is known. ``headers`` are the provider's own."""

    provider: Provider
    endpoint: str
    request_id: str
    input: Any
    accepted_at: str
    cost_usd: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class CallLedger:
    """Every order that could cost money, in the order they came, and how often each was asked after."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.calls = [Call(**document) for _, document in sorted(memory.kept(CALLS).items())]
        self.polls: Counter[str] = Counter()

    def record(self, call: Call) -> Call:
        """Keep an order; the caller fills in its cost later."""
        self.calls.append(call)
        self._keep(call, len(self.calls))
        return call

    def charge(self, call: Call, cost_usd: float) -> None:
        """Write down what an order cost."""
        call.cost_usd = cost_usd
        if call in self.calls:
            self._keep(call, self.calls.index(call) + 1)

    def count_poll(self, request_id: object) -> None:
        """Somebody asked how an order is getting on."""
        self.polls[str(request_id)] += 1

    def clear(self) -> None:
        """Forget all orders."""
        self.calls.clear()
        self._memory.clear(CALLS)
        self.polls.clear()

    def _keep(self, call: Call, number: int) -> None:
        self._memory.keep(CALLS, f"{number:08}", asdict(call))

    def total_usd(self, provider: Provider) -> float:
        """The known costs of one provider."""
        return round(sum(call.cost_usd or 0 for call in self.calls if call.provider == provider), 6)

    def document(self) -> dict[str, Any]:
        """The ledger as the control API shows it."""
        totals = {"fal": self.total_usd("fal"), "astria": self.total_usd("astria")}
        return {
            "calls": [asdict(call) for call in self.calls],
            "polls": dict(self.polls),
            "total_usd": totals,
        }
