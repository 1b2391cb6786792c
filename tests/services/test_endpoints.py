import pytest

from character_identity.domain.errors import Conflict, InvalidRequest, NotFound
from character_identity.domain.page import Window
from character_identity.services.webhooks.endpoints import MAX_ENDPOINTS, EndpointService
from tests.support.builders import NOON
from tests.support.event_fakes import SECRET, FakeAttempts, FakeEndpoints, an_endpoint


def refuse_private(url: str) -> None:
    if "10.0.0.1" in url:
        raise InvalidRequest("not public", code="forbidden_host")


@pytest.fixture
def endpoints() -> FakeEndpoints:
    return FakeEndpoints()


@pytest.fixture
def service(endpoints: FakeEndpoints) -> EndpointService:
    ids = iter(f"e{number}" for number in range(1, 100))
    return EndpointService(
        endpoints=endpoints,
        attempts=FakeAttempts(),
        check_address=refuse_private,
        now=lambda: NOON,
        new_id=lambda: next(ids),
        new_key=lambda: bytes(range(32)),
    )


def test_an_address_is_registered_with_a_secret_of_its_own(service: EndpointService) -> None:
    assert service.create("ann", "https://ann.test/hook") == an_endpoint(secret=SECRET)
    assert service.list("ann", Window()).entries == [an_endpoint()]


def test_an_address_that_may_not_be_posted_to_is_not_registered(
    service: EndpointService, endpoints: FakeEndpoints
) -> None:
    with pytest.raises(InvalidRequest):
        service.create("ann", "https://10.0.0.1/hook")
    assert endpoints.stored == {}


def test_an_owner_has_five_addresses_at_most(service: EndpointService) -> None:
    for _ in range(MAX_ENDPOINTS):
        service.create("ann", "https://ann.test/hook")
    with pytest.raises(Conflict):
        service.create("ann", "https://ann.test/hook")
    assert len(service.list("ann", Window()).entries) == MAX_ENDPOINTS == 5


def test_a_removed_address_is_unknown(service: EndpointService) -> None:
    service.create("ann", "https://ann.test/hook")
    with pytest.raises(NotFound):
        service.remove("bob", "e1")
    service.remove("ann", "e1")
    with pytest.raises(NotFound) as caught:
        service.remove("ann", "e1")
    assert caught.value.code == "unknown_webhook"
