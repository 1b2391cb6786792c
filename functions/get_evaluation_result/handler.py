"""GET /v1/evaluations/{evaluation_id}/{file}: a result of an evaluation, with links that work."""

from character_identity.api.routes.evaluations import GET_EVALUATION_RESULT
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler

SAFE = {
    # The pages carry a policy of their own, by the hash of their script; this one is for whatever shows them.
    "Content-Security-Policy": "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts allow-downloads",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@endpoint(GET_EVALUATION_RESULT)
def get_evaluation_result(services: Services, request: Request) -> Response:
    evaluation = services.evaluations.get(request.owner, request.path("evaluation_id"))
    found = services.evaluation_results.get(evaluation, request.path("file"))
    if found.link is not None:
        return Response(303, headers={**SAFE, "Location": found.link})
    return Response(200, found.content, SAFE, content_type=found.content_type)


lambda_handler = http_handler(get_evaluation_result)
