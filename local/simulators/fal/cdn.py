"""fal's storage as its Python client uses it: get a token, then post the file to the CDN itself."""

import secrets
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.clock import iso
from local.simulators.fal.access import authorised
from local.simulators.fal.options import BadCallOption, upload_lifetime_s
from local.simulators.fal.uploads import FalUpload
from local.simulators.faults import Handler
from local.simulators.incoming import origin_of, parsed
from local.simulators.media import MediaStore
from local.simulators.simulator import Simulator

TOKEN_LIFETIME = timedelta(hours=1)


class FalCdnSimulator:
    """The files' own door: uploads with a token, downloads without."""

    def __init__(self, simulator: Simulator, media: MediaStore) -> None:
        self._simulator = simulator
        self._media = media
        self._tokens: dict[str, datetime] = {}
        self._uploads: dict[str, FalUpload] = {}

    def rest_routes(self) -> list[Route]:
        """Return the route that exchanges the key for a token."""
        handler = self._simulator.faults.guard(
            "fal.get_upload_token", authorised(self._simulator, self._token)
        )
        return [Route("/storage/auth/token", handler, methods=["POST"])]

    def media_routes(self) -> list[Route]:
        """Uploads, and every file there is."""

        def route(path: str, method: str, handler: Handler) -> Route:
            return Route(
                path, self._simulator.faults.guard("fal.upload", self._allowed(handler)), methods=[method]
            )

        parts = "/{name:path}/multipart/{upload_id}"
        serve = self._simulator.faults.guard("fal.media", self._media.serve)
        return [
            route("/files/upload", "POST", self._receive),
            route("/files/upload/multipart", "POST", self._initiate),
            route(parts + "/{number:int}", "PUT", self._receive_part),
            route(parts + "/complete", "POST", self._complete),
            Route("/{name:path}", serve, methods=["GET"]),
        ]

    def clear(self) -> None:
        """Forget tokens and unfinished uploads."""
        self._tokens.clear()
        self._uploads.clear()

    async def _token(self, request: Request) -> Response:
        token, expires_at = secrets.token_urlsafe(24), self._simulator.clock.now() + TOKEN_LIFETIME
        self._tokens[token] = expires_at
        base_url = self._media.url(origin_of(request), "").rstrip("/")
        reply = {"token": token, "token_type": "Bearer", "base_url": base_url, "expires_at": iso(expires_at)}
        return JSONResponse(reply)

    def _allowed(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            expires_at = self._tokens.get(token)
            if scheme != "Bearer" or expires_at is None or expires_at <= self._simulator.clock.now():
                return JSONResponse({"detail": "Invalid token"}, 401)
            try:
                return await handler(request)
            except BadCallOption as exc:
                return JSONResponse({"detail": str(exc)}, 400)

        return checked

    async def _receive(self, request: Request) -> Response:
        upload = self._announced(request)
        file = upload.file(await request.body())
        return JSONResponse({"access_url": self._media.put(origin_of(request), upload.name, file)})

    async def _initiate(self, request: Request) -> Response:
        upload, upload_id = self._announced(request), self._simulator.new_id()
        self._uploads[upload_id] = upload
        access_url = self._media.url(origin_of(request), upload.name)
        return JSONResponse({"access_url": access_url, "uploadId": upload_id})

    async def _receive_part(self, request: Request) -> Response:
        upload = self._unfinished(request)
        if upload is None:
            return JSONResponse({"detail": "Upload not found"}, 404)
        etag = upload.add(request.path_params["number"], await request.body())
        return Response(headers={"ETag": etag})

    async def _complete(self, request: Request) -> Response:
        upload = self._unfinished(request)
        if upload is None:
            return JSONResponse({"detail": "Upload not found"}, 404)
        file = upload.assembled(parsed(await request.body()))
        if file is None:
            return JSONResponse({"detail": "The parts are not those that came"}, 400)
        del self._uploads[request.path_params["upload_id"]]
        return JSONResponse({"access_url": self._media.put(origin_of(request), upload.name, file)})

    def _announced(self, request: Request) -> FalUpload:
        lifetime_s = upload_lifetime_s(request.headers, strict=self._simulator.settings.strict)
        name = request.headers.get("x-fal-file-name", "upload.bin").replace("/", "_")
        return FalUpload(
            name=f"files/c/{self._simulator.new_id()}/{name}",
            content_type=request.headers.get("content-type", "application/octet-stream"),
            expires_at=self._simulator.media_expiry(lifetime_s),
        )

    def _unfinished(self, request: Request) -> FalUpload | None:
        upload = self._uploads.get(request.path_params["upload_id"])
        return upload if upload is not None and upload.name == request.path_params["name"] else None
