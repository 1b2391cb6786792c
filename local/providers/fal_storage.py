"""fal's storage: announce an upload, PUT the bytes, use the file's URL."""

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.providers.fal_access import authorised
from local.providers.fal_models import parsed
from local.providers.media import MediaFile, MediaStore, origin_of
from local.providers.stage import Stage


@dataclass(frozen=True)
class Upload:
    """An announced file that has not come yet."""

    name: str
    content_type: str


class FalStorage:
    """Uploads that were announced, each good for one PUT."""

    def __init__(self, stage: Stage, media: MediaStore) -> None:
        self._stage = stage
        self._media = media
        self._announced: dict[str, Upload] = {}

    def rest_routes(self) -> list[Route]:
        """The part behind the key."""
        handler = self._stage.faults.guard("fal.initiate_upload", authorised(self._stage, self._initiate))
        return [Route("/storage/upload/initiate", handler, methods=["POST"])]

    def media_routes(self) -> list[Route]:
        """The part without one: signed uploads, public files."""
        faults = self._stage.faults
        return [
            Route("/upload/{ticket}", faults.guard("fal.upload", self._receive), methods=["PUT"]),
            Route("/{name:path}", faults.guard("fal.media", self._media.serve), methods=["GET"]),
        ]

    def clear(self) -> None:
        """Forget what was announced."""
        self._announced.clear()

    async def _initiate(self, request: Request) -> Response:
        wanted = parsed(await request.body())
        fields = wanted if isinstance(wanted, dict) else {}
        content_type, file_name = fields.get("content_type"), fields.get("file_name")
        if not isinstance(content_type, str) or not isinstance(file_name, str) or "/" in file_name:
            return JSONResponse({"detail": "content_type and file_name are required"}, 422)
        ticket = secrets.token_urlsafe(24)
        upload = Upload(f"files/u/{self._stage.new_id()}/{file_name}", content_type)
        self._announced[ticket] = upload
        origin = origin_of(request)
        urls = {
            "upload_url": self._media.url(origin, f"upload/{ticket}"),
            "file_url": self._media.url(origin, upload.name),
        }
        return JSONResponse(urls)

    async def _receive(self, request: Request) -> Response:
        """A signed URL takes what was announced, once, and no credentials."""
        upload = self._announced.get(request.path_params["ticket"])
        if upload is None:
            return PlainTextResponse("The signature does not match", 403)
        if request.headers.get("content-type") != upload.content_type:
            return PlainTextResponse("The content type is not the announced one", 403)
        if self._stage.settings.strict and "authorization" in request.headers:
            return PlainTextResponse("A signed URL takes no Authorization header", 400)
        data = await request.body()
        del self._announced[request.path_params["ticket"]]
        self._media.put(
            origin_of(request), upload.name, MediaFile(data, upload.content_type, self._stage.media_expiry())
        )
        return Response(status_code=200)
