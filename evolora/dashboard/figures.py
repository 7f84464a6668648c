"""The plots of a run as JSON for plotly.js, drawn when they are looked at and kept until its folder is another."""

from typing import Any

from evolora.dashboard.book import Book
from evolora.errors import RunFolderError
from evolora.viz.panels import PANELS
from evolora.viz.style import THEMES

MOST_KEPT = 96  # figures
MOST_BYTES = 16_000_000  # of one figure: more would choke the page
SHOWN = [panel for panel in PANELS if panel.group != "Pond"]  # the page has a living one
OF_ORGANISMS = frozenset({"specialisation", "phylogeny"})  # a point is an organism: its id is the point's custom data
PANEL_BY_KEY = {panel.key: panel for panel in SHOWN}


def list_panels(book: Book) -> list[dict[str, Any]]:
    """The panels whose data the run has, in their order."""
    with book.plots.newest() as run:
        panels = [panel for panel in SHOWN if panel.available(run)]
    return [
        {
            "key": panel.key,
            "group": panel.group,
            "title": panel.title,
            "caption": panel.caption,
            "wide": panel.wide,
            "organisms": panel.key in OF_ORGANISMS,
        }
        for panel in panels
    ]


def draw_panel(book: Book, key: str, generation: int | None, theme: str) -> str:
    """A panel's figure as JSON text.

    Raises:
        RunFolderError: no such panel or theme, or the run lacks its data.
    """
    panel = PANEL_BY_KEY.get(key)
    if panel is None or theme not in THEMES:
        raise RunFolderError("expected the key of a plot and a theme, got another; reload the page")
    with book.plots.newest() as run:
        kept = book.figures.get((key, generation, theme))
        if kept is not None and kept[0] == book.plots.version:
            return kept[1]
        if not panel.available(run):
            raise RunFolderError("this run has no data for the plot yet")
        text = str(panel.draw(run, generation=generation, theme=theme).to_json())
        if len(text) > MOST_BYTES:
            raise RunFolderError(f"expected a figure of at most {MOST_BYTES} bytes, got {len(text)}: too many to draw")
        book.figures[(key, generation, theme)] = (book.plots.version, text)
        for old in list(book.figures)[:-MOST_KEPT]:
            del book.figures[old]
        return text
