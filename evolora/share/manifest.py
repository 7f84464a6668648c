"""The first file of a bundle: what it is of, who made it under which licence, and the digest of every other file."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from evolora.errors import BundleError
from evolora.share.contents import MANIFEST
from evolora.share.strict_json import parse_object

NEWEST = 1
ModelT = TypeVar("ModelT", bound=BaseModel)


def _one_line(text: str) -> str:
    # Shown in a terminal: no escape sequences, no text that runs from right to left unseen.
    if not text.isprintable():
        raise ValueError("expected one line of printable characters")
    return text


Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_one_line)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileEntry(_Part):
    """Size in bytes and SHA-256 of a file."""

    size: Size
    sha256: Digest


class HostEntry(_Part):
    """The language model the run lived on: its name there, and the digest of its weights and configuration."""

    name: Line
    digest: Digest


class Manifest(_Part):
    """What a bundle says of itself. `files` are all others, by name."""

    format: Literal[1] = 1
    world: Line
    seed: Size
    generations: Size
    host: HostEntry
    evolora: Line
    licence: Line | None
    authors: Annotated[tuple[Line, ...], Field(max_length=100)]
    description: Line | None
    files: dict[str, FileEntry]

    def to_bytes(self) -> bytes:
        """As it stands in a bundle."""
        return (json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n").encode()


class RunRecord(BaseModel):
    """What replaying needs of run.json: the circumstances of a run. More keys may stand there."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    name: Line
    seed: Size
    host: Line
    host_digest: Digest
    device: Line
    dtype: Line
    threads: Annotated[int, Field(ge=1)]
    python: Line
    machine: Line
    versions: dict[str, Line]

    def circumstances(self) -> dict[str, str]:
        """What may make the same world live differently elsewhere: name -> value."""
        here = {
            "host digest": self.host_digest,
            "device": self.device,
            "dtype": self.dtype,
            "threads": str(self.threads),
            "machine": self.machine,
            "python": self.python,
        }
        return here | dict(self.versions)


def parse_manifest(data: bytes) -> Manifest:
    """The manifest of a bundle.

    Raises:
        BundleError: it is none, or of a newer format.
    """
    values = parse_object(data, MANIFEST)
    version = values.get("format")
    if isinstance(version, int) and version > NEWEST:
        raise BundleError(
            f"{MANIFEST}: expected format {NEWEST} at most, got {version}: "
            "made by a newer Evolora; pip install --upgrade evolora"
        )
    return parse_model(Manifest, values, MANIFEST)


def parse_model(model: type[ModelT], values: Mapping[str, Any], part: str) -> ModelT:
    """`values` as a model. Raises `BundleError` naming the first key that does not fit."""
    try:
        return model.model_validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(step) for step in first["loc"])
        raise BundleError(f"{part}: {key[:200]!r}: {first['msg']}") from error
