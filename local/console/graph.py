"""A state machine as it is drawn: its states in ranks from the first to the last, and what leads where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Definition = Mapping[str, Any]
Way = Literal["next", "choice", "catch", "each"]
"""``each`` leads from a map or a parallel state to the first of the states inside it."""


@dataclass(frozen=True)
class Node:
    """A state, at a place: ranks are counted downwards, columns from the left."""

    name: str
    type: str
    rank: int
    column: int


@dataclass(frozen=True)
class Edge:
    """A way from one state to another."""

    source: str
    target: str
    way: Way


@dataclass(frozen=True)
class Graph:
    """All states of a machine, those inside others too, and all ways."""

    nodes: list[Node]
    edges: list[Edge]


def graph_of(definition: Definition) -> Graph:
    """Lay a definition in Amazon States Language out.

    A state's rank is one more than the highest of those that lead to it, where a way back counts for nothing.
    """
    states = dict(_states_in(definition))
    edges = list(dict.fromkeys(edge for name, state in states.items() for edge in _ways_from(name, state)))
    ahead: dict[str, list[str]] = {name: [] for name in states}
    order = _in_order(definition["StartAt"], edges)
    place = {name: number for number, name in enumerate(order)}
    for edge in edges:
        if edge.source in place and place[edge.source] < place[edge.target]:
            ahead[edge.source].append(edge.target)
    ranks = dict.fromkeys(order, 0)
    for name in order:
        for target in ahead[name]:
            ranks[target] = max(ranks[target], ranks[name] + 1)
    return Graph(list(_placed(order, ranks, states)), edges)


def _placed(order: list[str], ranks: Mapping[str, int], states: Mapping[str, Definition]) -> Iterator[Node]:
    taken: dict[int, int] = {}
    for name in order:
        column = taken.get(ranks[name], 0)
        taken[ranks[name]] = column + 1
        yield Node(name, states[name]["Type"], ranks[name], column)


def _states_in(machine: Definition) -> Iterator[tuple[str, Definition]]:
    for name, state in machine["States"].items():
        yield name, state
        for inner in _inside(state):
            yield from _states_in(inner)


def _inside(state: Definition) -> list[Definition]:
    mapped = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
    return [*mapped, *state.get("Branches", [])]


def _ways_from(name: str, state: Definition) -> Iterator[Edge]:
    if "Next" in state:
        yield Edge(name, state["Next"], "next")
    for choice in state.get("Choices", []):
        yield Edge(name, choice["Next"], "choice")
    if "Default" in state:
        yield Edge(name, state["Default"], "choice")
    for inner in _inside(state):
        yield Edge(name, inner["StartAt"], "each")
    for catch in state.get("Catch", []):
        yield Edge(name, catch["Next"], "catch")


def _in_order(start: str, edges: list[Edge]) -> list[str]:
    """All states that can be reached, each before what it leads to, but for ways back."""
    followers: dict[str, list[str]] = {}
    for edge in edges:
        followers.setdefault(edge.source, []).append(edge.target)
    finished: list[str] = []
    seen = {start}
    stack = [(start, iter(followers.get(start, [])))]
    while stack:
        name, left = stack[-1]
        target = next(left, None)
        if target is None:
            finished.append(name)
            stack.pop()
        elif target not in seen:
            seen.add(target)
            stack.append((target, iter(followers.get(target, []))))
    return finished[::-1]
