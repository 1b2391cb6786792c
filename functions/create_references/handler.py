"""POST /v1/references: upload tickets for pictures that will be reference images."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import answer, owner_of, parse_body, rest_app
from character_identity.api.schemas import CreateReferencesRequest, CreateReferencesResponse, Upload

logger = Logger()
app = rest_app()


@app.post("/v1/references")
def create_references() -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    request = parse_body(app, CreateReferencesRequest)
    tickets = [
        services.references.upload_ticket(owner, file.content_type, file.size_bytes) for file in request.files
    ]
    uploads = [Upload(key=ticket.key, url=ticket.url, fields=ticket.fields) for ticket in tickets]
    return answer(CreateReferencesResponse(uploads=uploads), 201)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
