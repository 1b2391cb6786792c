import boto3
import pytest

from character_identity.aws.secrets import PLACEHOLDER, Secret
from character_identity.domain.errors import ProviderNotConfigured


def test_a_key_is_fetched_once_and_again_when_refreshed(aws: None) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="fal", SecretString="old\n")
    secret = Secret(client, "fal")
    assert secret() == "old"
    client.put_secret_value(SecretId="fal", SecretString="new")
    assert secret() == "old"
    assert secret.refresh() == "new" == secret()


@pytest.mark.parametrize("text", [PLACEHOLDER, "  "])
def test_a_key_that_nobody_put_in_is_said_to_be_missing(aws: None, text: str) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="fal", SecretString=text)
    with pytest.raises(ProviderNotConfigured):
        Secret(client, "fal")()
