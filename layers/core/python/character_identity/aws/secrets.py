"""Provider keys from Secrets Manager."""

from typing import Any

from character_identity.domain.errors import ProviderNotConfigured

PLACEHOLDER = "not configured"
"""What a secret holds until somebody puts a key in."""


class Secret:
    """One secret's text, fetched on first use and kept; ``refresh`` fetches it again."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self._value: str | None = None

    def __call__(self) -> str:
        """The key.

        Raises:
            ProviderNotConfigured: nobody has put one in.
        """
        if self._value is None:
            self._value = self.refresh()
        return self._value

    def refresh(self) -> str:
        """Fetch it now: a key may have been rotated since. Raises as the call without."""
        if not self._name:
            raise ProviderNotConfigured("This function has no key of the provider.")
        text: str = self._client.get_secret_value(SecretId=self._name)["SecretString"].strip()
        if not text or text == PLACEHOLDER:
            raise ProviderNotConfigured("This provider's key is not configured on the server.")
        self._value = text
        return text
