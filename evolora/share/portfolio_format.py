"""The files of a saved portfolio, read as if a stranger had written them: nothing in them is trusted or run."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evolora.errors import BundleError
from evolora.organism.traits import Traits
from evolora.share.manifest import Digest, parse_model
from evolora.share.strict_json import parse_object

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

FORMAT = 1
INDEX, WORLD, ROUTER, ADAPTERS = "portfolio.json", "world.yaml", "router.safetensors", "adapters"
MOST_MEMBERS = 1000
MOST_INDEX_BYTES, MOST_ROUTER_BYTES = 2**21, 2**26
MOST_ROUTER_NUMBER, LEAST_SCALE = 1e12, 1e-9  # wide of any that is fitted, and what they give is finite
MEMBER = r"organism-[0-9]{6,12}"
ANCESTOR = -1  # the bare host's id among members, as exams have it

# Kind of router -> its arrays, each with its axes. An axis of one name has one length in all of them.
ROUTER_ARRAYS: dict[str, dict[str, tuple[str, ...]]] = {
    "ridge": {"mean": ("width",), "scale": ("width",), "weights": ("width", "members"), "intercept": ("members",)},
    "recogniser": {
        "mean": ("width",),
        "scale": ("width",),
        "weights": ("width", "kinds"),
        "intercept": ("kinds",),
        "worth": ("kinds", "members"),
        "stranger": ("members",),
        "threshold": ("thresholds",),
    },
    "centroid": {"mean": ("width",), "scale": ("width",), "centroids": ("members", "width")},
    "fixed": {"order": ("members",)},
    "arrow": {},
}
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TraitsEntry(_Part):
    """An organism's traits; what they mean is told at `evolora.organism.traits.Traits`."""

    rank: Annotated[int, Field(ge=1, le=1024)]
    mutation_scale: Annotated[Finite, Field(ge=0)]
    learning_rate: Annotated[Finite, Field(ge=0)]
    temperature: Annotated[Finite, Field(ge=0)]
    answer_limit: Annotated[int, Field(ge=1, le=2**20)]
    num_examples: Annotated[int, Field(ge=0, le=2**10)]
    niche_preferences: dict[str, Finite]

    def to_traits(self) -> Traits:
        """As an organism carries them."""
        return Traits(**self.model_dump())


class MemberEntry(_Part):
    """A member: its id in the run, the folder of its adapter, its traits. The bare host has id -1 and no adapter."""

    id: Annotated[int, Field(ge=ANCESTOR, lt=10**12)]
    adapter: Annotated[str, Field(pattern=rf"^{MEMBER}$")] | None
    traits: TraitsEntry


class Index(_Part):
    """What a portfolio says of itself. `files` has the SHA-256 of all others, by name; `notes` are anybody's."""

    format: Literal[1] = 1
    host_digest: Digest
    members: Annotated[tuple[MemberEntry, ...], Field(min_length=1, max_length=MOST_MEMBERS)]
    best: int
    router: Literal["ridge", "recogniser", "centroid", "fixed", "arrow"]
    files: dict[str, Digest]
    notes: dict[str, Any]

    @model_validator(mode="after")
    def _members_are_distinct(self) -> "Index":
        ids = [member.id for member in self.members]
        if len(set(ids)) < len(ids) or [member.adapter for member in self.members] != list(map(member_name, ids)):
            raise ValueError("expected every member once, its adapter called after its id")
        if self.best not in ids:
            raise ValueError(f"expected the best to be a member, got {self.best}")
        if ANCESTOR in ids and self.router != "recogniser":
            raise ValueError(f"expected the bare host beside a recogniser, which sends it questions, got {self.router}")
        return self


def member_name(identity: int) -> str | None:
    """The folder of a member's adapter; None for the bare host, which has none."""
    return None if identity == ANCESTOR else f"organism-{identity:06d}"


def traits_entry(traits: Traits) -> dict[str, Any]:
    """Traits as an index has them."""
    return asdict(traits)


def read_index(folder: Path, names: Iterable[str] | None = None) -> Index:
    """The index of the portfolio in `folder`, every file of which is as it was saved.

    `names` are the files that count; None: all there are.

    Raises:
        BundleError: there is none, or a file is missing, added, changed, or a link.
    """
    path = folder / INDEX
    if not path.is_file():
        raise BundleError(
            f"expected a portfolio ({INDEX}), got no such file; make one with `evolora portfolio RUN --to DIR`"
        )
    if path.stat().st_size > MOST_INDEX_BYTES:
        raise BundleError(f"{INDEX}: expected at most {MOST_INDEX_BYTES:,} bytes, got {path.stat().st_size:,}")
    index = parse_model(Index, parse_object(path.read_bytes(), INDEX), INDEX)
    found = digests(folder, names)
    if found != index.files:
        odd = sorted(name for name in {*found, *index.files} if found.get(name) != index.files.get(name))
        raise BundleError(f"expected the files that were saved, got {odd[0][:120]} missing, added or changed")
    return index


def digests(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """Every file below `folder` but the index -> SHA-256.

    Raises:
        BundleError: one is a link, which may lead anywhere.
    """
    paths = sorted(folder.rglob("*") if names is None else (folder / name for name in names))
    found = {}
    for path in paths:
        if path.is_symlink():
            raise BundleError(f"{path.relative_to(folder)}: expected a file, got a link")
        if path.is_file() and path.relative_to(folder).as_posix() != INDEX:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def read_router(folder: Path, kind: str, num_members: int) -> "dict[str, NDArray[float64]]":
    """The arrays of a router, checked before they are read: names, shapes, float64, finite, scales that divide.

    Raises:
        BundleError: naming the array that is not what a router of this kind has.
    """
    wanted = ROUTER_ARRAYS[kind]
    path = folder / ROUTER
    if not wanted:
        return {}
    if not path.is_file() or path.stat().st_size > MOST_ROUTER_BYTES:
        raise BundleError(f"{ROUTER}: expected a file of at most {MOST_ROUTER_BYTES:,} bytes for a {kind} router")
    import numpy as np
    from safetensors import SafetensorError, safe_open

    lengths, arrays = {"members": num_members}, {}
    try:
        with safe_open(path, framework="np") as file:
            if set(file.keys()) != set(wanted):
                raise BundleError(f"{ROUTER}: expected {', '.join(sorted(wanted))}, got other arrays")
            for name, axes in wanted.items():
                header = file.get_slice(name)
                shape, dtype = tuple(header.get_shape()), header.get_dtype()
                fits = len(shape) == len(axes) and all(
                    length == lengths.setdefault(axis, length) and length
                    for axis, length in zip(axes, shape)  # noqa: B905
                )
                if dtype != "F64" or not fits:
                    raise BundleError(f"{ROUTER}: expected {name} as F64 ({', '.join(axes)}), got {dtype} {shape}")
                arrays[name] = file.get_tensor(name)
    except SafetensorError as error:
        raise BundleError(f"{ROUTER}: expected safetensors, got {error}") from error
    for name, array in arrays.items():
        if not (np.abs(array) <= MOST_ROUTER_NUMBER).all() or (name == "scale" and not (array >= LEAST_SCALE).all()):
            raise BundleError(
                f"{ROUTER}: expected finite numbers up to {MOST_ROUTER_NUMBER:g}, scales from {LEAST_SCALE:g} on, "
                f"got others in {name}"
            )
    return arrays
