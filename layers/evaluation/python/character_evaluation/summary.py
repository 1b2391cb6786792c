"""What a run comes to, for programs: the verdict, the criteria and a summary of each provider."""

import json
from dataclasses import asdict

from character_evaluation.criteria import criteria
from character_evaluation.run import EvaluationRun
from character_evaluation.statistics import summarise
from character_evaluation.verdict import shortfall, verdict
from character_identity.domain.evaluation import Recommendation


def summary_of(run: EvaluationRun) -> str:
    """Return it as JSON; all of it follows from the rows and the manifest."""
    found = verdict(run)
    content = {
        "character": run.character,
        "startedAt": run.started_at.isoformat(),
        "status": run.status,
        "shortfall": shortfall(run),
        "recommendation": {"provider": found.provider, "sentences": found.sentences},
        "comparedBy": found.identity,
        "criteria": [asdict(criterion) for criterion in criteria(run)],
        "providers": [asdict(each) for each in summarise(run)],
        "simulated": sorted(run.simulated),
    }
    return json.dumps(content, indent=2) + "\n"


def recommendation_of(run: EvaluationRun) -> Recommendation:
    """Return the verdict in a line, and before it what it is lacking."""
    found, lacking = verdict(run), shortfall(run)
    sentences = [*([lacking] if lacking else []), *found.sentences]
    return Recommendation(provider=found.provider, sentence=" ".join(sentences))
