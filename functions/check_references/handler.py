"""POST /v1/references/check: what is wrong with reference images; free, and nothing is stored."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import answer, owner_of, parse_body, rest_app
from character_identity.api.schemas import CheckReferencesRequest, CheckReferencesResponse
from character_identity.services.identities import provider_named

logger = Logger()
app = rest_app()


@app.post("/v1/references/check")
def check_references() -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    request = parse_body(app, CheckReferencesRequest)
    name = request.provider
    limits = None if name is None else provider_named(services.providers, name).references
    findings = services.references.check(owner, request.references, limits)
    usable = all(finding.severity == "warning" for finding in findings)
    return answer(CheckReferencesResponse(usable=usable, findings=findings))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
