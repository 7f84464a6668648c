"""Several runs beside each other: which, called what, and what can be drawn of them over a shared axis."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from evolora.dashboard.book import Book
from evolora.dashboard.figures import SHOWN
from evolora.dashboard.library import Library
from evolora.dashboard.runs import run_key
from evolora.errors import RunFolderError
from evolora.record.run_data import RunData
from evolora.record.run_dir import METRICS
from evolora.viz.compare import CURVE_BY_KEY, CURVES, over_each_other
from evolora.viz.compare_grids import GRIDS
from evolora.viz.naming import differences, run_names
from evolora.viz.panels import GROUPS
from evolora.viz.style import THEMES, colour

FEWEST, MOST = 2, 4
MOST_DIFFERENCES = 12  # settings that are listed under a run's name
BESIDE = (  # plots of one run that cannot be laid over each other: a row of them, a run each
    "deaths",
    "ages",
    "ranks",
    "specialisation",
    "muller",
    "phylogeny",
    "partitioning",
    "exam-scores",
    "held-out",
)

Row = dict[str, Any]


def describe(library: Library, keys: Sequence[str]) -> Row:
    """The runs with their names, colours and differences, and the plots that compare them."""
    books = _books(library, keys)
    with _newest(books) as runs:
        named = zip(keys, books, runs, run_names(runs), differences(runs), strict=True)
        described = [
            {
                "key": key,
                "title": book.title,
                "name": name,
                "world": run.name,
                "colour": colour(place),
                "differences": dict(list(settings.items())[:MOST_DIFFERENCES]),
                "num_differences": len(settings),
            }
            for place, (key, book, run, name, settings) in enumerate(named)
        ]
        plots = [_over(curve.key, curve.group, curve.title, curve.caption) for curve in CURVES if _any(curve, runs)]
        plots += [_over(grid.key, grid.group, grid.title, grid.caption, True) for grid in GRIDS if _any(grid, runs)]
        plots += [
            {"key": panel.key, "group": panel.group, "title": panel.title, "caption": panel.caption, "kind": "beside"}
            | {"runs": [key for key, run in zip(keys, runs, strict=True) if panel.available(run)]}
            for panel in SHOWN
            if panel.key in BESIDE and _any(panel, runs)
        ]
    return {"runs": described, "panels": sorted(plots, key=lambda plot: GROUPS.index(plot["group"]))}


def comparison_of(roots: Sequence[Path]) -> str:
    """The end of the address that shows `roots` side by side, where they are two to four runs; else empty."""
    folders = list(dict.fromkeys(root.resolve() for root in roots))
    if not FEWEST <= len(folders) <= MOST or not all((folder / METRICS).is_file() for folder in folders):
        return ""
    return f"?compare={','.join(run_key(folder) for folder in folders)}"


def draw(library: Library, keys: Sequence[str], plot: str, generation: int | None, theme: str) -> str:
    """A plot of several runs as JSON text.

    Raises:
        RunFolderError: no such plot, theme or run.
    """
    grid = next((grid for grid in GRIDS if grid.key == plot), None)
    if theme not in THEMES or (grid is None and plot not in CURVE_BY_KEY):
        raise RunFolderError("expected the key of a plot and a theme, got another; reload the page")
    with _newest(_books(library, keys)) as runs:
        if grid is not None:
            return str(grid.draw(runs, generation=generation, theme=theme).to_json())
        return str(over_each_other(runs, plot, generation=generation, theme=theme).to_json())


def _any(shown: Any, runs: Sequence[RunData]) -> bool:
    return any(shown.available(run) for run in runs)


def _over(key: str, group: str, title: str, caption: str, wide: bool = False) -> Row:
    return {"key": key, "group": group, "title": title, "caption": caption, "kind": "over", "wide": wide}


def _books(library: Library, keys: Sequence[str]) -> list[Book]:
    if not FEWEST <= len(keys) <= MOST or len(set(keys)) < len(keys):
        raise RunFolderError(f"expected the keys of {FEWEST} to {MOST} different runs, got {len(keys)}")
    return [library.open(key) for key in keys]


@contextmanager
def _newest(books: Sequence[Book]) -> Iterator[list[RunData]]:
    """All the runs as their folders have them now. Locks are taken in one order, so that nobody waits for ever."""
    with ExitStack() as stack:
        in_order = sorted(books, key=lambda book: str(book.folder))
        opened = {id(book): stack.enter_context(book.plots.newest()) for book in in_order}
        yield [opened[id(book)] for book in books]
