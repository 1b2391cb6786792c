"""A budget holds when many orders come at once, on the emulator: moto takes one call at a time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from character_identity.aws.budget_table import BudgetTable
from character_identity.aws.identity_table import IdentityTable
from character_identity.aws.open_work import OpenWorkTable
from character_identity.aws.session import Session
from character_identity.aws.table import Table
from character_identity.domain.errors import BudgetExceeded
from character_identity.domain.page import Window
from tests.support.builders import NO_LIMIT, NOON, a_job, a_training_identity
from tests.support.emulator import running_emulator
from tests.support.mocked_aws import create_table

TEN_TRAININGS = 20_000_000
AT_ONCE = 8

pytestmark = pytest.mark.processes


def test_of_200_orders_at_once_a_budget_for_ten_pays_ten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_emulator(1, tmp_path) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.aws_endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.endpoint.access_key)
        table = create_table()

        def orders(numbers: range) -> int:
            table = Table(Session().client("dynamodb"), "state")
            return sum(_ordered(IdentityTable(table), f"i{number}") for number in numbers)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            accepted = sum(pool.map(orders, [range(start, 200, AT_ONCE) for start in range(AT_ONCE)]))
        budget = BudgetTable(
            table, default_limit_microusd=TEN_TRAININGS, operator_limit_microusd=NO_LIMIT
        ).of("ann", "2026-11")
        assert accepted == 10
        assert (budget.reserved_microusd, budget.jobs) == (TEN_TRAININGS, 10)
        assert len(OpenWorkTable(table).due(NOON.replace(hour=13), 100)) == 10
        assert len(IdentityTable(table).list("ann", Window()).entries) == 10


def _ordered(identities: IdentityTable, identity_id: str) -> bool:
    job = a_job(job_id=f"training-{identity_id}", identity_id=identity_id, subject_id=identity_id)
    try:
        identities.add(
            a_training_identity(identity_id=identity_id),
            job=job,
            limit_microusd=TEN_TRAININGS,
            operator_limit_microusd=NO_LIMIT,
        )
    except BudgetExceeded:
        return False
    return True
