"""The session that makes all clients of AWS.

botocore's own: boto3 adds what is not needed here (resources, transfers of files), and a fifth to the time
that it takes to load and to make the first clients.
"""

from functools import cached_property
from typing import Any


class Session:
    """Makes clients by the credentials and the region of the environment; loads botocore when one is used."""

    def client(self, service: str, **options: Any) -> "Client":
        """Return a client of a service; ``options`` are those of botocore's ``create_client``."""
        return Client(self, service, options)

    @cached_property
    def botocore(self) -> Any:
        """The session of the library."""
        import botocore.session

        return botocore.session.Session()


class Client:
    """A client that is made by its first call: who only reads needs none for what it could start or send."""

    def __init__(self, session: Session, service: str, options: dict[str, Any]) -> None:
        self._session = session
        self._service = service
        self._options = options

    @cached_property
    def _made(self) -> Any:
        return self._session.botocore.create_client(self._service, **self._options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)
