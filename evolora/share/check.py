"""What the texts of a bundle must be before anything uses them: a world, a run record, tables of rows."""

from collections.abc import Iterator

from evolora.config.load import load_world_text
from evolora.config.world import WorldConfig
from evolora.environment.families.registry import is_plug_in
from evolora.errors import BundleError, ConfigError
from evolora.record.event_rows import fault_of
from evolora.share.manifest import RunRecord, parse_model
from evolora.share.strict_json import parse_object, parse_rows


def check_world(data: bytes, part: str) -> WorldConfig:
    """The world of a bundle: a whole file, which extends nothing. Raises `BundleError` for anything else."""
    try:
        return load_world_text(data.decode("utf-8"), part)
    except UnicodeDecodeError as error:
        raise BundleError(f"{part}: expected UTF-8 text, got other bytes") from error
    except ConfigError as error:
        raise BundleError(f"expected a world without mistakes, got {error.problems[0]}") from error


def refuse_code(world: WorldConfig, what: str) -> None:
    """Refuse a world whose task families are modules to be imported. `what` it came in is named.

    Raises:
        BundleError: naming them.
    """
    plug_ins = sorted({niche.family for niche in world.niches if is_plug_in(niche.family)})
    if plug_ins:
        raise BundleError(
            f"{', '.join(plug_ins)}: expected task families of Evolora or reasoning-gym, got code of the author's own, "
            f"which is not in the {what}; read it, put it on PYTHONPATH, and give --trust-code"
        )


def check_run(data: bytes, part: str) -> RunRecord:
    """run.json: host, versions and machine. Raises `BundleError` where it is none."""
    return parse_model(RunRecord, parse_object(data, part), part)


def check_metrics(chunks: Iterator[bytes], part: str) -> int:
    """How many generations a table of metrics has: at least 1, all there, in order. Raises `BundleError` otherwise."""
    number = 0
    for number, row in enumerate(parse_rows(chunks, part), start=1):
        if row.get("generation") != number:
            raise BundleError(f"{part}, line {number}: expected generation {number}, got {row.get('generation')!r:.40}")
    if not number:
        raise BundleError(f"{part}: expected at least one generation, got none; let the run live first")
    return number


def check_events(chunks: Iterator[bytes], part: str) -> None:
    """Births, deaths and merges: rows with what everybody counts on. Raises `BundleError` otherwise."""
    for number, row in enumerate(parse_rows(chunks, part), start=1):
        if fault := fault_of(row):
            raise BundleError(f"{part}, line {number}: expected an event, got {fault}")
