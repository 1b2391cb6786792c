"""Builds the TypeScript client, with types made of the OpenAPI document, and packs it for npm."""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from character_identity.api.openapi.document import document
from scripts.atomic import new_folder, write_file
from scripts.digest import digest

ROOT = Path(__file__).resolve().parents[1]
CLIENT = ROOT / "clients" / "typescript"
BUILT = ROOT / ".build" / "clients"
PACKED = BUILT / "character-identity-client.tgz"
RETRIES = ("--fetch-retries", "1", "--fetch-timeout", "60000")
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", *RETRIES)
HANGS_AFTER_S = 600


def built(client: Path = CLIENT, folder: Path = BUILT) -> Path:
    """The folder of the built package, whose name has a hash of what it is made of.

    Raises:
        RuntimeError: npm or a compiler failed; the message holds what was said.
    """
    description = json.dumps(document())
    made_from = hashlib.sha256(f"{digest(client, ['.'])}{description}".encode()).hexdigest()[:12]
    package = folder / f"typescript-{made_from}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # npm is not made to install into one folder twice at a time
        if not package.is_dir():
            _install(client, folder)
            _build(client, description, package)
    return package


def tarball(package: Path) -> Path:
    """The file in a built package that npm installs."""
    return next(package.glob("*.tgz"))


def _build(client: Path, description: str, package: Path) -> None:
    compiler = package.parent / "node_modules" / "typescript" / "bin" / "tsc"
    with new_folder(package) as building:
        shutil.copytree(client, building, dirs_exist_ok=True)
        shutil.copy(ROOT / "LICENSE", building)
        (building / "openapi.json").write_text(description, encoding="utf-8")
        _run(["node", "generate.mjs", "openapi.json"], building)
        _run(["node", str(compiler), "-p", "."], building)
        _run(["npm", "pack", "--silent"], building)


def _install(client: Path, folder: Path) -> None:
    """Install what the lock pins by hash into ``folder``, unless it is there."""
    wanted = json.loads((client / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    if all(_version(folder, name) == version for name, version in wanted.items()):
        return
    for file in ("package.json", "package-lock.json"):
        shutil.copy(client / file, folder)
    _run([*INSTALL], folder)


def _version(folder: Path, name: str) -> str | None:
    package = folder / "node_modules" / name / "package.json"
    return str(json.loads(package.read_text(encoding="utf-8"))["version"]) if package.exists() else None


def _run(words: list[str], folder: Path) -> None:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=HANGS_AFTER_S)
    if done.returncode:
        raise RuntimeError(f"{words[0]} {words[1]} failed:\n{done.stdout}{done.stderr}")


def main() -> int:
    """Build and pack, and print where the package is."""
    try:
        write_file(PACKED, tarball(built()).read_bytes())
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(PACKED.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
