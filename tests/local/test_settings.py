"""The environment chooses the providers; where it is silent the simulators serve."""

import pytest

from local.settings import ProviderSettings

SIMULATORS = "http://127.0.0.1:8790"
LOOPBACK = "127.0.0.1,localhost,::1,media.localhost"
REAL = {
    "FAL_QUEUE_URL": "https://queue.fal.run",
    "FAL_REST_URL": "https://rest.fal.ai",
    "FAL_PLATFORM_URL": "https://api.fal.ai/v1",
    "ASTRIA_API_URL": "https://api.astria.ai",
}


def test_without_an_environment_the_simulators_serve_all() -> None:
    settings = ProviderSettings({})
    assert settings.simulators_needed and settings.all_on_this_machine
    assert settings.warning is None
    assert settings.parameters(SIMULATORS) == {
        "FalQueueUrl": f"{SIMULATORS}/fal/queue",
        "FalRestUrl": f"{SIMULATORS}/fal/rest",
        "FalPlatformUrl": f"{SIMULATORS}/fal/platform",
        "AstriaApiUrl": f"{SIMULATORS}/astria",
        "MediaHosts": LOOPBACK,
    }
    assert (settings.fal_key, settings.astria_key) == ("simulator-id:simulator-secret", "sd_simulator")


def test_what_the_environment_names_is_used() -> None:
    settings = ProviderSettings(
        {**REAL, "MEDIA_HOSTS": "media.test", "FAL_KEY": "i:s", "ASTRIA_API_KEY": "sd_x"}
    )
    assert not settings.simulators_needed
    assert settings.parameters(None) == {
        "FalQueueUrl": "https://queue.fal.run",
        "FalRestUrl": "https://rest.fal.ai",
        "FalPlatformUrl": "https://api.fal.ai/v1",
        "AstriaApiUrl": "https://api.astria.ai",
        "MediaHosts": "media.test",
    }
    assert (settings.fal_key, settings.astria_key) == ("i:s", "sd_x")


def test_each_url_is_chosen_by_itself() -> None:
    settings = ProviderSettings({"FAL_QUEUE_URL": "http://localhost:1", "MEDIA_HOSTS": "a.test,b.test"})
    parameters = settings.parameters(SIMULATORS)
    assert (parameters["FalQueueUrl"], parameters["FalRestUrl"]) == (
        "http://localhost:1",
        f"{SIMULATORS}/fal/rest",
    )
    assert parameters["MediaHosts"] == f"a.test,b.test,{LOOPBACK}"


@pytest.mark.parametrize("name", REAL)
def test_one_real_provider_ends_shortened_waits_and_webhooks(name: str) -> None:
    settings = ProviderSettings({name: REAL[name]})
    assert not settings.all_on_this_machine
    assert settings.webhook_url("http://127.0.0.1:8787") == "off"


def test_a_server_on_this_machine_is_a_simulation() -> None:
    settings = ProviderSettings(dict.fromkeys(REAL, "http://localhost:9000"))
    assert settings.all_on_this_machine
    assert not settings.simulators_needed
    assert settings.parameters(None)["MediaHosts"] == LOOPBACK
    assert settings.webhook_url("http://127.0.0.1:8787") == "http://127.0.0.1:8787"


def test_a_real_key_alone_reaches_the_real_provider_at_the_templates_address() -> None:
    settings = ProviderSettings({"FAL_KEY": "i:s"})
    assert settings.parameters(SIMULATORS) == {
        "AstriaApiUrl": f"{SIMULATORS}/astria",
        "MediaHosts": LOOPBACK,
    }
    assert settings.fal_key == "i:s"
    assert settings.warning == "Calls real providers (FAL_KEY): this costs money."
    assert not settings.all_on_this_machine


def test_with_both_keys_no_simulator_serves() -> None:
    settings = ProviderSettings({"FAL_KEY": "i:s", "ASTRIA_API_KEY": "sd_x"})
    assert not settings.simulators_needed
    assert settings.parameters(None) == {"MediaHosts": ""}


def test_the_key_of_a_real_provider_is_not_shown_to_the_simulators() -> None:
    fal = {name: url for name, url in REAL.items() if name.startswith("FAL")}
    assert ProviderSettings({**fal, "FAL_KEY": "i:s"}).simulator_options() == {"--astria-key": "sd_simulator"}


def test_the_key_that_deletes_at_fal_is_optional() -> None:
    assert ProviderSettings({}).fal_admin_key == "simulator-admin:simulator-secret"
    assert ProviderSettings({"FAL_KEY": "i:s"}).fal_admin_key == "not configured"
    assert ProviderSettings({"FAL_KEY": "i:s", "FAL_ADMIN_KEY": "a:s"}).fal_admin_key == "a:s"
