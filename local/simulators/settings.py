"""Settings of the simulators."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SimulatorSettings(BaseModel):
    """Waits, keys and habits; a running simulator takes new ones as JSON at POST /control/settings.

    Both
        strict: refuse unknown fields, which the real servers ignore.
        queue_s, training_s, generation_s: how long a job waits, and then works.
        media_host: the host name in links to what jobs made; None: the one that was called.

    fal
        fal_key, fal_locked: the key, and whether its account is out of credit (403).
        fal_admin_key: the key that may delete payloads and read what was billed.
        fal_key_reads_platform: whether the other key may list requests and read prices.
        fal_list_lag_s: a request is listed so long after it has ended.
        fal_lists_unfinished: requests that wait or run are listed too.
        fal_stores_io: payloads are kept, unless a request says otherwise.
        fal_keeps_cdn_files: the files of a request are not deleted with its payloads.
        fal_prices_usd: the account's own prices by endpoint, where they differ from the list.
        fal_honours_cancel: running jobs stop when cancelled; waiting ones always do.
        fal_cancel_takes_s: a job that stops when cancelled does so long after it was asked.
        fal_cancel_removes: cancelling a waiting job answers 200 ``{"status": "OK"}``, and it is not known
            any more, as a newer document has it.
        fal_old_cancel: cancelling answers 200 ``{"success": true}``, as an older document has it.
        fal_concurrency: how many jobs of the account run at once: the queue has others wait, and fal.run
            answers them 429.
        fal_dialect: how an input that breaks the schema is described: as fal documents it, or as
            Pydantic 1 or 2 do in models that were not migrated.
        fal_bare_images: instant-character says no more of a picture than its URL, all else is null.
        fal_media_lifetime_s: how long files last when the caller does not say; None: for ever.
        fal_result_lifetime_s, fal_large_result_lifetime_s: how long a result lasts; large: 10 KB of JSON.
        fal_webhook_copies: how often each webhook is sent; 0: lost.
        fal_webhook_delay_s: sent this much late; as it is read when a job ends, deliveries can overtake.
        fal_webhook_backoff_s: pause before the first retry; it doubles.
        fal_webhook_early: a job that is given a webhook ends at once, and its submit is not answered
            before the webhook was posted; the delay does not count then.
        fal_webhook_about: which request a webhook tells of: its own, or another one (the newest that
            awaits a webhook of the same model, or one that nobody knows).
        fal_webhook_signature: by a published key and of now; or by another key; or ten minutes old.

    Astria
        astria_key, astria_balance_mc: the key, and the balance to start from (100 000 = US$1).
        astria_no_balance_status: how an order beyond the balance is refused.
        astria_lora_route: what happens to prompts posted to a LoRA tune's own route.
        astria_untrained: what happens to prompts that name a tune in training.
        astria_idempotency: the account's setting; the same tune or prompt again is the first one.
        astria_poll_interval_s: the same tune or prompt read again sooner than this is answered 429.
        astria_callback_copies, astria_callback_delay_s: how often each callback is sent (0: lost), and
            how late.
        astria_callback_early: a tune or prompt with a callback is done at once, and its creation is not
            answered before the callback was posted; the delay does not count then.
        astria_callback_about: which tune or prompt a callback tells of: its own, or another one. (There
            is no signature to forge: anybody can post what Astria posts.)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strict: bool = True
    queue_s: float = Field(default=0.2, ge=0)
    training_s: float = Field(default=6.0, ge=0)
    generation_s: float = Field(default=0.5, ge=0)
    media_host: str | None = Field(default=None, pattern=r"^[a-z0-9.-]+$")

    fal_key: str = "simulator-id:simulator-secret"
    fal_locked: bool = False
    fal_admin_key: str = "simulator-admin:simulator-secret"
    fal_key_reads_platform: bool = True
    fal_list_lag_s: float = Field(default=2, ge=0)
    fal_lists_unfinished: bool = False
    fal_stores_io: bool = True
    fal_keeps_cdn_files: bool = False
    fal_prices_usd: dict[str, float] = {}
    fal_honours_cancel: bool = False
    fal_cancel_takes_s: float = Field(default=0, ge=0)
    fal_cancel_removes: bool = False
    fal_old_cancel: bool = False
    fal_concurrency: int = Field(default=2, ge=0)
    fal_dialect: Literal["fal", "pydantic-1", "pydantic-2"] = "fal"
    fal_bare_images: bool = False
    fal_media_lifetime_s: float | None = Field(default=None, ge=0)
    fal_result_lifetime_s: float = Field(default=3600, ge=0)
    fal_large_result_lifetime_s: float = Field(default=360, ge=0)
    fal_webhook_copies: int = Field(default=1, ge=0)
    fal_webhook_delay_s: float = Field(default=0, ge=0)
    fal_webhook_backoff_s: float = Field(default=1, ge=0)
    fal_webhook_early: bool = False
    fal_webhook_about: Literal["own", "another"] = "own"
    fal_webhook_signature: Literal["valid", "forged", "stale"] = "valid"

    astria_key: str = "sd_simulator"
    astria_balance_mc: int = Field(default=10_000_000, ge=0)
    astria_no_balance_status: Literal[402, 422] = 402
    astria_lora_route: Literal["reject", "accept"] = "reject"
    astria_untrained: Literal["wait", "reject"] = "wait"
    astria_idempotency: bool = False
    astria_poll_interval_s: float = Field(default=0, ge=0)
    astria_callback_copies: int = Field(default=1, ge=0)
    astria_callback_delay_s: float = Field(default=0, ge=0)
    astria_callback_early: bool = False
    astria_callback_about: Literal["own", "another"] = "own"
