"""The session that makes all clients of AWS.

botocore's own: boto3 adds what is not needed here (resources, transfers of files), and a fifth to the time
that it takes to load and to make the first clients.
"""

import os
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader


class Session:
    """Makes clients by the credentials and the region of the environment."""

    def __init__(self) -> None:
        self.botocore = botocore.session.Session()
        self.botocore.register_component("data_loader", _Loader())

    def client(self, service: str, **options: Any) -> Any:
        """Return a new client of a service; ``options`` are those of botocore's ``Config``."""
        return self.botocore.create_client(service, config=Config(**options))


class _Loader(Loader):  # type: ignore[misc]
    """Reads what botocore knows of a service.

    To see whether there is such a service, botocore's own looks into the folders of all four hundred, for
    each kind of file that it reads: a third of the time that the first client takes.
    """

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that have a folder; which files it has shows when they are read."""
        folders = filter(os.path.isdir, self.search_paths)
        return sorted({service.name for folder in folders for service in os.scandir(folder)})
