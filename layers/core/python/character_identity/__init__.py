"""One character, the same in every picture."""

USER_AGENT = "character-identity"
"""How calls to hosts of others introduce themselves: some refuse the names of HTTP libraries, as Wikimedia's
(https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy, read 2026-11-28)."""
