"""The session that makes all clients of AWS.

botocore's own: boto3 adds what is not needed here (resources, transfers of files), and a fifth to the time
that it takes to load and to make the first clients.
"""

from typing import Any

import botocore.session
from botocore.config import Config


class Session:
    """Makes clients by the credentials and the region of the environment."""

    def __init__(self) -> None:
        self.botocore = botocore.session.Session()

    def client(self, service: str, **options: Any) -> Any:
        """Return a new client of a service; ``options`` are those of botocore's ``Config``."""
        return self.botocore.create_client(service, config=Config(**options))
