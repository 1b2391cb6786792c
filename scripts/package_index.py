"""Whether a package index answers pip: where none does, its last words are that there is no such package."""

SIGNS = ("NewConnectionError", "ConnectTimeout", "ConnectionError", "ReadTimeout", "ProxyError", "SSLError")


def out_of_reach(said: str) -> bool:
    """Return True if what pip has said, warnings and all, is of an index that it does not reach."""
    return any(sign in said for sign in SIGNS)


def no_index_for(what: object) -> str:
    """Return what to tell whoever wants it."""
    return f"No package index answers for {what}; connect this machine to a network and try again."
