"""The specification's test scenarios, in its order."""

from character_evaluation.scenarios import shipped

SCENARIOS = shipped("specification")
