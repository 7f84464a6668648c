"""`evolora pack`, `unpack`, `inspect`, `verify`, `replay`: runs as one file that others can check and rerun."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evolora.share.replay import Replay
    from evolora.share.row_compare import Comparison
    from evolora.share.verify import Bundle

PARTED = 1  # exit code of a replay that did not repeat

BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A .evolora file.", show_default=False)]


def pack(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The bundle to write. (default: RUN.evolora, here)"),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--licence", "--license", help="Under which others may use it: CC-BY-4.0, CC0-1.0, ..."),
    ] = None,
    authors: Annotated[list[str] | None, typer.Option("--author", help="Who made it. Repeatable.")] = None,
    description: Annotated[str | None, typer.Option(help="One line on what it shows.")] = None,
) -> None:
    """Put a run into one file: world, metrics, events, lives, elites, portfolio, report, digests of all.

    The same run gives the same bytes. The portfolio is RUN/portfolio, as `evolora portfolio RUN --to RUN/portfolio`
    saves it. Timing, checkpoints and single answers stay at home.
    """
    from evolora.share.pack import SUFFIX
    from evolora.share.pack import pack as pack_run

    target = out or Path(f"{run.resolve().name}{SUFFIX}")
    manifest, digest = pack_run(run, target, licence, authors or (), description)
    typer.echo(f"{target}: {len(manifest.files) + 1} files, {target.stat().st_size:,} bytes, sha256:{digest}")
    if licence is None:
        typer.echo("no licence given: others may look at it and no more; say one with --licence", err=True)
    if "/" in manifest.host.name or "\\" in manifest.host.name:
        typer.echo(f"the host is {manifest.host.name}: tell others where to get it, they replay with --host", err=True)


def unpack(
    bundle: BundlePath,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="The folder to make. (default: the bundle's name, here)")
    ] = None,
    with_report: Annotated[
        bool, typer.Option("--with-report", help="Unpack the report too: a page whose scripts run when it is opened.")
    ] = False,
) -> None:
    """Make a run folder of a bundle, if every check is passed; otherwise nothing is written."""
    from evolora.share.unpack import unpack as unpack_bundle

    unpacked = unpack_bundle(bundle, to or Path(bundle.stem), with_report)
    manifest = unpacked.manifest
    typer.echo(f"{unpacked.folder}: {manifest.world}, seed {manifest.seed}, {manifest.generations} generations")
    for name in unpacked.left_out:
        typer.echo(f"left out: {name}, a page with scripts; with trust in its author: --with-report", err=True)
    if not unpacked.host_is_here:
        typer.echo(f"{manifest.host.name} is not on this machine: adapters were not compared with it", err=True)


def inspect(bundle: BundlePath) -> None:
    """Show what a bundle says of itself, and what is in it; nothing is unpacked."""
    from rich.console import Console
    from rich.table import Table

    from evolora.share.contents import kind_of
    from evolora.share.unpack import check_contents
    from evolora.share.verify import open_bundle

    with open_bundle(bundle) as opened:
        _, record = check_contents(opened)
        about = Table.grid(padding=(0, 2))
        about.add_column(style="dim")
        about.add_column(overflow="fold")
        for key, value in [*_about(opened), *record.circumstances().items()]:
            about.add_row(key, value)
        files = Table("file", "bytes", "what")
        for name, entry in opened.entries.items():
            kind = kind_of(name)
            files.add_row(name, f"{entry.size:,}", "" if kind is None else kind.what)
    console = Console(markup=False, highlight=False)
    console.print(about)
    console.print(files)


def _about(bundle: "Bundle") -> list[tuple[str, str]]:
    manifest = bundle.manifest
    return [
        ("world", f"{manifest.world}, seed {manifest.seed}, {manifest.generations} generations"),
        ("description", manifest.description or "none given"),
        ("authors", ", ".join(manifest.authors) or "none given"),
        ("licence", manifest.licence or "none given: ask before using it"),
        ("packed by", f"evolora {manifest.evolora}"),
        ("sha256", bundle.digest),
        ("host", manifest.host.name),
    ]


def verify(
    bundles: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help=".evolora files.", show_default=False)],
) -> None:
    """Check every byte of bundles; a damaged part is named, and the exit code is 2."""
    from evolora.errors import BundleError, ConfigError
    from evolora.share.unpack import check_contents
    from evolora.share.verify import open_bundle

    problems = []
    for path in bundles:
        try:
            with open_bundle(path) as opened:
                check_contents(opened)
                typer.echo(f"{path}: whole, {len(opened.entries)} files, sha256:{opened.digest}")
        except BundleError as error:
            problems.append(str(error) if str(error).startswith(f"{path}: ") else f"{path}: {error}")
    if problems:
        raise ConfigError(problems)


def replay(
    bundle: BundlePath,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the new run, in a folder made there.")] = None,
    host: Annotated[
        str | None, typer.Option(help="The language model to live on, where the bundle's has no common name.")
    ] = None,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="Import the author's own task families from PYTHONPATH.")
    ] = False,
) -> None:
    """Live a bundle's world again, and say of each generation whether it is the recorded one.

    Exit code 0: identical, or equal within rounding; 1: it parted from the record, which is where it stops.
    """
    from evolora.cli.simulate import announce_stop
    from evolora.share.replay import replay as replay_bundle
    from evolora.stopping import OrderlyStop

    typer.echo(f"{bundle}: checking every byte, then living its world again")
    with OrderlyStop(announce_stop) as stop:
        found = replay_bundle(bundle, _announce, out, host, trust_code, stop)
    for line in _conclusion(found):
        typer.echo(line)
    if found.parted:
        raise typer.Exit(PARTED)
    if len(found.comparisons) < found.generations:
        raise typer.Exit(stop.exit_code)


def _announce(comparison: "Comparison") -> None:
    words = {"identical": "identical", "rounding": "equal within rounding", "parted": "parted"}
    typer.echo(f"generation {comparison.generation}: {words[comparison.verdict]}{_example(comparison)}")


def _example(comparison: "Comparison") -> str:
    if not comparison.differences:
        return ""
    first, *others = comparison.differences
    more = f", and {len(others)} more" if others else ""
    return f": {first.path} is {first.lived}, recorded {first.recorded}{more}"


def _conclusion(found: "Replay") -> list[str]:
    """What the comparison of all generations comes to, and what may be the reason."""
    count, of = len(found.comparisons), found.generations
    uncompared = sorted({name for comparison in found.comparisons for name in comparison.uncompared})
    lines = []
    if found.parted:
        lines.append(f"{found.world} parted from its record at generation {found.parted.generation} of {of}")
    else:
        exact = all(comparison.verdict == "identical" for comparison in found.comparisons)
        how = "identical" if exact else "equal within rounding"
        lines.append(f"{found.world}: {count} of {of} generations {how}")
        if found.same_files:
            lines.append(f"the same bytes: {', '.join(found.same_files)}")
    if uncompared:
        lines.append(f"not compared, known to one version only: {', '.join(uncompared)}")
    for name, recorded, here in found.circumstances:
        lines.append(f"differs from the recorded run: {name} is {here}, was {recorded}")
    if found.parted and not found.circumstances:
        lines.append(
            "host, versions, device, number format, threads and machine are the recorded ones: "
            "the record was changed, or the run was not of this world"
        )
    return lines
