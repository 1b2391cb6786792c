"""Where providers call back: an address for each job, with a secret of its own in it."""

from urllib.parse import urlencode

from character_identity.domain.job import ProviderJob

OFF = "off"


class CallbackAddresses:
    """``base_url`` is that of our API; ``off`` where providers cannot reach it, and polling has to do."""

    def __init__(self, base_url: str) -> None:
        self._base_url = "" if base_url == OFF else base_url.rstrip("/")

    @property
    def on(self) -> bool:
        """Return True if providers are told where to call back."""
        return bool(self._base_url)

    def url_for(self, job: ProviderJob) -> str | None:
        """Return what a provider gets with the order of a job."""
        if not self._base_url:
            return None
        if job.provider == "astria":
            return f"{self._base_url}/webhooks/astria/{job.job_id}.{job.callback_token}"
        query = urlencode({"job": job.job_id, "token": job.callback_token})
        return f"{self._base_url}/webhooks/fal?{query}"
