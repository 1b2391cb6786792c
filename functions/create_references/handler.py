"""POST /v1/references: upload tickets for pictures that will be reference images."""

from character_identity.api.routes.references import CREATE_REFERENCES
from character_identity.api.schemas import CreateReferencesRequest, CreateReferencesResponse, Upload
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond

FILES_AN_ORDER = 5
"""So many files count as an order more, for each may be 20 MiB and is kept for a while."""


@endpoint(CREATE_REFERENCES)
def create_references(services: Services, request: Request[CreateReferencesRequest]) -> Response:
    services.rate_limits["orders"].admit(request.owner, len(request.body.files) // FILES_AN_ORDER)
    tickets = [
        services.references.upload_ticket(request.owner, file.name, file.content_type, file.size_bytes)
        for file in request.body.files
    ]
    uploads = [Upload(key=ticket.key, url=ticket.url, fields=ticket.fields) for ticket in tickets]
    return respond(request, CreateReferencesResponse(uploads=uploads))


lambda_handler = http_handler(create_references)
