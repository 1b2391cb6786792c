"""A folder on this machine as a web server: serves its files, and takes new ones by PUT."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from threading import Thread


class _Requests(SimpleHTTPRequestHandler):
    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        (Path(self.directory) / PurePosixPath(self.path).name).write_bytes(content)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def shelf(folder: Path) -> Iterator[str]:
    """The URL under which the folder's files are."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Requests, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
