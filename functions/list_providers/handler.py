"""GET /v1/providers: the providers with their limits and prices, and whether each has its key."""

from character_identity.api.presenters import present_provider
from character_identity.api.routes.identities import LIST_PROVIDERS
from character_identity.api.schemas import ListProvidersResponse
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(LIST_PROVIDERS)
def list_providers(services: Services, request: Request) -> Response:
    providers = services.providers
    keys = services.keys_there()
    shown = [present_provider(providers[name], available=there is True) for name, there in keys.items()]
    return respond(request, ListProvidersResponse(providers=shown))


lambda_handler = http_handler(list_providers)
