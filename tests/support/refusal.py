"""How the services in memory refuse a request."""

from typing import Any


class Refusal(Exception):
    """An error of AWS; ``more`` is what it says beside the message."""

    def __init__(self, code: str, message: str, status: int = 400, **more: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.more = more
