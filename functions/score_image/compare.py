"""``python -m functions.score_image.compare``: how like pictures are, on this machine and without a network.

One picture with one prints the similarity. Folders are compared many to many: CSV with a row for each pair.
By CLIP where ``make weights`` has made it, else by whatever encoder is there, which is then named; and the
faces alone, where there is an encoder of faces.
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.generation import MAX_IMAGE_BYTES
from character_identity.domain.score import CLIP_ENCODER, FaceIdentity
from character_identity.domain.similarity import Embedding, cosine
from character_identity.domain.text import FORMULA_STARTS
from functions.score_image.encoder import MB_PER_VCPU, MOST_AT_ONCE, OnnxEncoder
from functions.score_image.face_pairs import FacePairs, face_encoder_in

WEIGHTS = Path(__file__).resolve().parents[2] / ".build" / "weights"
SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"}
COLUMNS = (
    *("reference", "generated", "similarity", "encoder", "weights_sha256", "preprocessing", "reason"),
    *("face_similarity", "face_encoder", "face_weights_sha256", "face_preprocessing", "face_not_scored"),
)
FETCH_FACES = "`.venv/bin/python -m scripts.weights face-dlib-resnet-v1` makes it."
FETCH = (
    "`make weights` fetches CLIP; "
    "`.venv/bin/python -m scripts.weights efficientnet-lite0` makes the small one that stands in."
)


class CannotCompare(Exception):
    """What stands against it, and what to do."""


Seen = Embedding | str
"""A picture's embedding, or why it has none."""


def main(arguments: list[str] | None = None) -> None:
    """Print what was asked for; exit with 1 and a sentence where nothing, or not all, could be compared."""
    parser = argparse.ArgumentParser(prog="python -m functions.score_image.compare")
    parser.add_argument("reference", type=_path, help="a picture, or a folder of them")
    parser.add_argument("generated", type=_path, help="a picture, or a folder of them")
    parser.add_argument("--csv", type=_path, help="where the rows of folders go; without it they are printed")
    parser.add_argument("--weights", type=_path, default=WEIGHTS, help="where the encoders are")
    options = parser.parse_args(arguments)
    try:
        references, generated = pictures_at(options.reference), pictures_at(options.generated)
        encoder = encoder_in(options.weights)
        seen = dict(_embedded(sorted({*references, *generated}), encoder))
        faces = _faces(options.weights, references, generated, seen)
        if options.csv is None and not (options.reference.is_dir() or options.generated.is_dir()):
            print(_sentence(seen[references[0]], seen[generated[0]], encoder.version.encoder))
            if faces and (face := faces.compare(references[0], generated[0])):
                print(_face_sentence(face))
        elif options.csv is None:
            _write(sys.stdout, references, generated, seen, encoder, faces)
        else:
            with options.csv.open("w", newline="", encoding="utf-8") as file:
                _write(file, references, generated, seen, encoder, faces)
    except CannotCompare as problem:
        sys.exit(str(problem))
    except OSError as problem:
        sys.exit(f"{problem.filename}: {problem.strerror}")
    failed = [f"{path}: {each}" for path, each in seen.items() if isinstance(each, str)]
    if failed:
        sys.exit("\n".join(failed))


def pictures_at(path: Path) -> list[Path]:
    """Return the picture at a path, or all those in a folder and the folders in it.

    Raises:
        CannotCompare: there is none.
    """
    if not path.exists():
        raise CannotCompare(f"{path}: there is no such file or folder.")
    if not path.is_dir():
        return [path]
    found = [each for each in sorted(path.rglob("*")) if each.suffix.lower() in SUFFIXES and each.is_file()]
    found = [each for each in found if not any(part.startswith(".") for part in each.relative_to(path).parts)]
    if not found:
        raise CannotCompare(f"{path}: there is no picture in it ({', '.join(sorted(SUFFIXES))}).")
    return found


def _path(text: str) -> Path:
    """A path; ``~`` is the home of the user also where the shell, such as zsh, leaves it in an assignment."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"there is no home that {text!r} could mean") from None


def encoder_in(weights: Path) -> OnnxEncoder:
    """Return CLIP, or whatever encoder was made instead.

    Raises:
        CannotCompare: there is none that is whole and of this release.
    """
    made = sorted(weights.glob("*/encoder.json"), key=lambda file: (file.parent.name != CLIP_ENCODER, file))
    whole = [file.parent for file in made if (file.parent / "model-1.onnx").exists()]
    if not whole:
        raise CannotCompare(f"There is no encoder in {weights}. {FETCH}")
    try:
        return OnnxEncoder(whole[0], MB_PER_VCPU * (os.cpu_count() or 1))
    except (ValueError, KeyError) as problem:
        raise CannotCompare(f"The encoder cannot be used: {problem}. {FETCH}") from problem


def _embedded(pictures: Sequence[Path], encoder: OnnxEncoder) -> Iterator[tuple[Path, Seen]]:
    """See each picture once; where there are more than a few, say on standard error how far it is."""
    for start in range(0, len(pictures), MOST_AT_ONCE):
        some = pictures[start : start + MOST_AT_ONCE]
        small = [path for path in some if path.stat().st_size <= MAX_IMAGE_BYTES]
        contents = [path.read_bytes() for path in small]
        try:
            views = dict(zip(small, encoder.embed(contents), strict=True))
        except Exception as problem:  # the runtime's errors have no class in common
            raise CannotCompare(f"The encoder cannot be used: {problem}. {FETCH}") from problem
        for path in some:
            view = views.get(path)
            if view is None:
                yield path, f"The file has more than {MAX_IMAGE_BYTES} bytes."
            else:
                yield path, view.message if isinstance(view, InvalidRequest) else view.embedding
        if len(pictures) > MOST_AT_ONCE:
            print(f"{start + len(some)} of {len(pictures)} pictures", file=sys.stderr)


def _faces(
    weights: Path, references: list[Path], generated: list[Path], seen: dict[Path, Seen]
) -> FacePairs | None:
    """The faces of the pictures that could be read; None where there is no face encoder."""
    try:
        encoder = face_encoder_in(weights)
    except (ValueError, KeyError) as problem:
        raise CannotCompare(f"The face encoder cannot be used: {problem}. {FETCH_FACES}") from problem
    if encoder is None:
        return None
    known, others = (
        [path for path in paths if not isinstance(seen[path], str)] for paths in (references, generated)
    )
    return FacePairs(encoder, known, others)


def _face_sentence(face: FaceIdentity) -> str:
    said = f"Face Identity ({face.encoder})"
    if face.likeness:
        return f"{said}: {_digits(face.likeness.mean)}"
    return f"{said}: not scored" + (
        f", {face.not_scored.code}. {face.not_scored.reason}" if face.not_scored else ""
    )


def _sentence(reference: Seen, generated: Seen, encoder: str) -> str:
    if isinstance(reference, str) or isinstance(generated, str):
        seen = {"reference": reference, "generated": generated}
        raise CannotCompare("\n".join(f"{role}: {e}" for role, e in seen.items() if isinstance(e, str)))
    name = "CLIP Similarity" if encoder == CLIP_ENCODER else f"Similarity ({encoder}, not CLIP)"
    return f"{name}: {_digits(cosine(reference, generated))}"


def _write(
    file: IO[str],
    references: list[Path],
    generated: list[Path],
    seen: dict[Path, Seen],
    encoder: OnnxEncoder,
    faces: FacePairs | None,
) -> None:
    rows = csv.writer(file)
    rows.writerow(COLUMNS)
    for picture in generated:
        for reference in references:
            one, other = seen[reference], seen[picture]
            reasons = [each for each in (one, other) if isinstance(each, str)]
            similarity = ""
            if not isinstance(one, str) and not isinstance(other, str):
                similarity = _digits(cosine(one, other))
            reason = " ".join(dict.fromkeys(reasons))
            face = faces.compare(reference, picture) if faces else None
            whole = [_cell(reference), _cell(picture), similarity, *encoder.version, reason]
            rows.writerow([*whole, *_face_cells(face)])


def _face_cells(face: FaceIdentity | None) -> list[str]:
    if face is None:
        return [""] * 5
    similarity = _digits(face.likeness.mean) if face.likeness else ""
    return [similarity, *face.version, face.no_face or ""]


def _cell(path: Path) -> str:
    """The path as text that no spreadsheet takes for a formula, and that leads to the same file.

    Bytes of a name that are no UTF-8, as of an old archive, are spelled out: a table of them would be none.
    """
    text = str(path).encode(errors="backslashreplace").decode()
    return f"./{text}" if text.startswith(FORMULA_STARTS) else text


def _digits(similarity: float) -> str:
    return f"{round(similarity, 4) + 0.0:.4f}"  # adding zero takes the sign from a zero


if __name__ == "__main__":
    main()
