"""What an operator does by hand: another limit for one owner."""

import json
import re
from pathlib import Path

import pytest

from character_identity.aws.budget_table import BudgetTable
from tests.support.builders import NO_LIMIT
from tests.support.mocked_aws import StateTable

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


@pytest.mark.parametrize(("owner", "limit_microusd"), [("user-1", 250_000_000), ("user-2", 100_000_000)])
def test_the_item_of_the_operations_page_is_one_owners_limit(
    table: StateTable, owner: str, limit_microusd: int
) -> None:
    [item] = re.findall(r"--item '(.*)'", PAGE)
    table.client.put_item(TableName="state", Item=json.loads(item.replace("OWNER", "user-1")))
    budgets = BudgetTable(table, default_limit_microusd=100_000_000, operator_limit_microusd=NO_LIMIT)
    assert budgets.of(owner, "2026-11").limit_microusd == limit_microusd
