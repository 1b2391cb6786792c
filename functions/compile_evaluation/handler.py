"""Task of run_evaluation: make the results of what was drawn and scored.

In the image of score_image: statistics take numpy, which lies there already, and scipy.
"""

from character_evaluation.assembly import assemble
from character_evaluation.results import files_of
from character_evaluation.summary import recommendation_of, summary_of
from character_identity.domain.evaluation import SUMMARY
from character_identity.handlers.tasks import task
from character_identity.services.evaluations.workflow import EvaluationState
from character_identity.wiring import Services


def compile_evaluation(services: Services, state: EvaluationState) -> EvaluationState:
    compilation = services.evaluation_compilation
    while (material := compilation.material(state.subject_id, state.failure)) is not None:
        run, pictures = assemble(material)
        files = {**files_of(run), SUMMARY: summary_of(run)}
        if compilation.keep(material, files, pictures, recommendation_of(run)):
            return state.replace(state="compiled", results=material.evaluation.status)
    return state.replace(state="ended")


lambda_handler = task(EvaluationState, compile_evaluation)
