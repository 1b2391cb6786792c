"""ProviderJob: one paid call and what is known of it. The row is written before the call is made."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

JobKind = Literal["training", "generation"]
JobState = Literal["intended", "submitted", "rejected", "unknown"]


class JobHandle(BaseModel):
    """How to find a job at its provider again; fal gives the two URLs, which are used as they are."""

    model_config = ConfigDict(frozen=True)

    provider_job_id: str
    status_url: str | None = None
    result_url: str | None = None


class ProviderJob(BaseModel):
    """A ledger row: ``intended`` before the call, then ``submitted``, ``rejected`` or ``unknown``."""

    job_id: str
    kind: JobKind
    provider: str
    state: JobState
    intended_at: datetime
    handle: JobHandle | None = None
    estimate_usd: float | None = None
