"""fal's storage as its JavaScript client uses it: announce an upload, PUT the bytes, use the file's URL."""

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.simulators.fal.access import authorised
from local.simulators.fal.options import BadCallOption, upload_lifetime_s
from local.simulators.fal.uploads import FalUpload
from local.simulators.faults import Handler
from local.simulators.incoming import origin_of, parsed
from local.simulators.media import MediaStore
from local.simulators.simulator import Simulator


class FalStorageSimulator:
    """Uploads that were announced, each good for one file."""

    def __init__(self, simulator: Simulator, media: MediaStore) -> None:
        self._simulator = simulator
        self._media = media
        self._announced: dict[str, FalUpload] = {}

    def rest_routes(self) -> list[Route]:
        """The part behind the key."""
        handler = self._simulator.faults.guard(
            "fal.initiate_upload", authorised(self._simulator, self._initiate)
        )
        return [
            Route("/storage/upload/initiate", handler, methods=["POST"]),
            Route("/storage/upload/initiate-multipart", handler, methods=["POST"]),
        ]

    def media_routes(self) -> list[Route]:
        """The part without one: signed uploads."""

        def route(path: str, method: str, handler: Handler) -> Route:
            return Route(path, self._simulator.faults.guard("fal.upload", handler), methods=[method])

        return [
            route("/upload/{ticket}", "PUT", self._receive),
            route("/upload/{ticket}/{number:int}", "PUT", self._receive_part),
            route("/upload/{ticket}/complete", "POST", self._complete),
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
        try:
            lifetime_s = upload_lifetime_s(request.headers, strict=self._simulator.settings.strict)
        except BadCallOption as exc:
            return JSONResponse({"detail": str(exc)}, 400)
        ticket = secrets.token_urlsafe(24)
        upload = FalUpload(
            name=f"files/u/{self._simulator.new_id()}/{file_name}",
            content_type=content_type,
            expires_at=self._simulator.media_expiry(lifetime_s),
            in_parts=request.url.path.endswith("multipart"),
        )
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
        if upload is None or upload.in_parts:
            return PlainTextResponse("The signature does not match", 403)
        if request.headers.get("content-type") != upload.content_type:
            return PlainTextResponse("The content type is not the announced one", 403)
        if self._simulator.settings.strict and "authorization" in request.headers:
            return PlainTextResponse("A signed URL takes no Authorization header", 400)
        file = upload.file(await request.body())
        del self._announced[request.path_params["ticket"]]
        self._media.put(origin_of(request), upload.name, file)
        return Response(status_code=200)

    async def _receive_part(self, request: Request) -> Response:
        upload = self._announced.get(request.path_params["ticket"])
        if upload is None or not upload.in_parts:
            return PlainTextResponse("The signature does not match", 403)
        number = request.path_params["number"]
        return JSONResponse({"partNumber": number, "etag": upload.add(number, await request.body())})

    async def _complete(self, request: Request) -> Response:
        upload = self._announced.get(request.path_params["ticket"])
        if upload is None or not upload.in_parts:
            return PlainTextResponse("The signature does not match", 403)
        file = upload.assembled(parsed(await request.body()))
        if file is None:
            return JSONResponse({"detail": "The parts are not those that came"}, 400)
        del self._announced[request.path_params["ticket"]]
        self._media.put(origin_of(request), upload.name, file)
        return Response(status_code=200)
