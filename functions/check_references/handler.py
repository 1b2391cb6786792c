"""POST /v1/references/check: what is wrong with reference images; free, and nothing is stored."""

from character_identity.api.routes.references import CHECK_REFERENCES
from character_identity.api.schemas import CheckReferencesRequest, CheckReferencesResponse
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond
from character_identity.services.identities import provider_named


@endpoint(CHECK_REFERENCES)
def check_references(services: Services, request: Request[CheckReferencesRequest]) -> Response:
    name = request.body.provider
    limits = None if name is None else provider_named(services.providers, name).references
    findings = services.references.check(request.owner, request.body.references, limits)
    usable = all(finding.severity == "warning" for finding in findings)
    return respond(request, CheckReferencesResponse(usable=usable, findings=findings))


lambda_handler = http_handler(check_references)
