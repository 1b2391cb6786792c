"""What a local run logged about one request."""

import json
from pathlib import Path

from scripts.logs import lines_about


def test_the_lines_of_all_functions_that_name_it_are_found_in_the_order_of_time(tmp_path: Path) -> None:
    def line(second: int, **keys: str) -> str:
        return json.dumps({"timestamp": f"2026-11-22T12:00:{second:02}Z", "message": "done", **keys})

    (tmp_path / "record_training.log").write_text(
        "\n".join(["START RequestId: r", line(9, correlation_id="a"), line(9, correlation_id="b"), "END"])
    )
    (tmp_path / "receive_fal_callback.log").write_text(line(7, correlation_id="a", request_id="c"))
    (tmp_path / "create_identity.log").write_text(line(1, correlation_id="a", job_id="training-i1"))
    (tmp_path / "list_providers.log").write_text(line(1, correlation_id="d") + "\n" + line(1))

    assert [each["function"] for each in lines_about("a", tmp_path)] == [
        "create_identity",
        "receive_fal_callback",
        "record_training",
    ]
    assert [each["function"] for each in lines_about("c", tmp_path)] == ["receive_fal_callback"]
    assert [each["function"] for each in lines_about("training-i1", tmp_path)] == ["create_identity"]
    assert lines_about("nobody", tmp_path) == []
