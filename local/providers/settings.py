"""What the stand-ins can be told to be like."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Waits, keys and habits; a running stand-in takes new ones through its control API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strict: bool = Field(default=True, description="refuse unknown fields, which the real servers ignore")
    queue_s: float = Field(default=0.2, ge=0, description="wait before a job starts")
    training_s: float = Field(default=6.0, ge=0)
    generation_s: float = Field(default=0.5, ge=0)
    fal_key: str = "stand-in-id:stand-in-secret"
    fal_locked: bool = Field(default=False, description="the account is out of credit")
    fal_honours_cancel: bool = Field(default=False, description="running jobs stop when cancelled")
    fal_media_lifetime_s: float | None = Field(default=None, ge=0, description="None: files stay")
    astria_key: str = "sd_stand_in"
    astria_balance_mc: int = Field(default=10_000_000, ge=0, description="starting balance, 100 000 = US$1")
    astria_lora_route: Literal["reject", "accept"] = Field(
        default="reject", description="prompts posted to a LoRA tune's own route"
    )
