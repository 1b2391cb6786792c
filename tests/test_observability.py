"""What log lines say of the request, the job and the provider that they are about."""

import json
import logging

import httpx
import pytest

from character_identity.observability import add_log_keys, count, keys_of, log_keys, origin
from tests.support.builders import a_job

logger = logging.getLogger("anything.of.ours")


def said(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    names = ("correlation_id", "job_id", "provider", "state")
    return [{name: vars(each)[name] for name in names if name in vars(each)} for each in caplog.records]


@pytest.fixture(autouse=True)
def _from_info_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_every_line_of_a_piece_of_work_has_its_keys_and_no_other_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with log_keys(correlation_id="r1", job_id=None):
        logger.info("begun")
        add_log_keys(job_id="j1", provider="")
        logger.info("goes on")
    logger.info("another")
    assert said(caplog) == [{"correlation_id": "r1"}, {"correlation_id": "r1", "job_id": "j1"}, {}]


def test_a_part_of_it_may_say_more_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    job = a_job(correlation_id="r2")
    with log_keys(correlation_id="sweep"):
        with log_keys(**keys_of(job)):
            logger.info("one row")
        logger.info("done")
    assert said(caplog) == [
        {"correlation_id": "r2", "job_id": job.job_id, "provider": job.provider},
        {"correlation_id": "sweep"},
    ]


def test_what_a_line_says_itself_stays(caplog: pytest.LogCaptureFixture) -> None:
    with log_keys(job_id="j1"):
        logger.info("settled", extra={"job_id": "j2", "state": "ready"})
    assert said(caplog) == [{"job_id": "j2", "state": "ready"}]


def test_outside_of_any_work_nothing_is_kept() -> None:
    add_log_keys(correlation_id="nobody's")
    assert origin() == {}


def test_where_it_comes_from_is_kept_with_what_it_makes() -> None:
    with log_keys(correlation_id="r1", route="POST /v1/identities", job_id="j1"):
        assert origin() == {"correlation_id": "r1", "job_id": "j1"}


def test_addresses_that_may_be_signed_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = httpx.MockTransport(lambda request: httpx.Response(200))
    with log_keys(correlation_id="r1"), httpx.Client(transport=answer) as client:
        client.get("https://bucket.test/a.jpg?X-Amz-Signature=f00d")
    assert "f00d" not in caplog.text


def test_no_stage_counts_for_another(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "CharacterIdentity-dev")
    count("ParkedResults")
    counted = json.loads(capsys.readouterr().out)
    [declared] = counted["_aws"]["CloudWatchMetrics"]
    assert (declared["Namespace"], counted["ParkedResults"]) == ("CharacterIdentity-dev", 1)
