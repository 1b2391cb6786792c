import json

import pytest

from local.console.graph import Edge, graph_of
from local.packages import ROOT

MACHINES = sorted((ROOT / "infra" / "state_machines").glob("*.asl.json"))


@pytest.mark.parametrize("file", MACHINES, ids=lambda file: file.name.partition(".")[0])
def test_every_state_of_our_machines_has_a_place_of_its_own(file) -> None:  # type: ignore[no-untyped-def]
    definition = json.loads(file.read_text())

    graph = graph_of(definition)

    assert {*definition["States"]} <= {node.name for node in graph.nodes}
    places = [(node.rank, node.column) for node in graph.nodes]
    assert len({*places}) == len(places)
    first = next(node for node in graph.nodes if node.name == definition["StartAt"])
    assert first.rank == 0
    known = {node.name for node in graph.nodes}
    assert all(edge.source in known and edge.target in known for edge in graph.edges)


def test_states_stand_below_what_leads_to_them_and_ways_back_lift_none() -> None:
    graph = graph_of(
        {
            "StartAt": "Ask",
            "States": {
                "Ask": {"Type": "Task", "Next": "Done?", "Catch": [{"ErrorEquals": ["x"], "Next": "End"}]},
                "Done?": {"Type": "Choice", "Choices": [{"Next": "End"}], "Default": "Ask"},
                "End": {"Type": "Succeed"},
                "Never": {"Type": "Succeed"},
            },
        }
    )

    assert {node.name: node.rank for node in graph.nodes} == {"Ask": 0, "Done?": 1, "End": 2}
    assert Edge("Ask", "End", "catch") in graph.edges
    assert Edge("Done?", "Ask", "choice") in graph.edges


def test_what_is_inside_a_map_or_a_parallel_state_is_drawn_too() -> None:
    inner = {"StartAt": "Draw", "States": {"Draw": {"Type": "Task", "End": True}}}
    one = {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": True}}}
    graph = graph_of(
        {
            "StartAt": "Each",
            "States": {
                "Each": {"Type": "Map", "ItemProcessor": inner, "Next": "Both"},
                "Both": {"Type": "Parallel", "Branches": [one], "End": True},
            },
        }
    )

    assert {edge.target for edge in graph.edges if edge.way == "each"} == {"Draw", "Left"}
    assert {node.name for node in graph.nodes} == {"Each", "Both", "Draw", "Left"}
