"""Clean text: how a model of pydantic refuses control characters."""

from pydantic import AfterValidator

from character_identity.domain.text import without_controls

Clean = AfterValidator(without_controls)
