"""The plots of a run as JSON for plotly.js, drawn when they are looked at and kept until the run has grown."""

from typing import Any

from evolora.dashboard.book import Book
from evolora.errors import RunFolderError
from evolora.viz.panels import PANELS
from evolora.viz.style import THEMES

MOST_KEPT = 96  # figures
MOST_BYTES = 16_000_000  # of one figure: more would choke the page
PANEL_BY_KEY = {panel.key: panel for panel in PANELS}


def list_panels(book: Book) -> list[dict[str, Any]]:
    """The panels whose data the run has, in their order."""
    with book.lock:
        panels = [panel for panel in PANELS if panel.available(book.data)]
    return [
        {"key": panel.key, "group": panel.group, "title": panel.title, "caption": panel.caption} for panel in panels
    ]


def draw_panel(book: Book, key: str, generation: int | None, theme: str) -> str:
    """A panel's figure as JSON text.

    Raises:
        RunFolderError: no such panel or theme, or the run lacks its data.
    """
    panel = PANEL_BY_KEY.get(key)
    if panel is None or theme not in THEMES:
        raise RunFolderError("expected the key of a plot and a theme, got another; reload the page")
    kept = book.figures.get((key, generation, theme))
    if kept is not None and kept[0] == book.version:
        return kept[1]
    with book.lock:
        if not panel.available(book.data):
            raise RunFolderError("this run has no data for the plot yet")
        version = book.version
        text = str(panel.draw(book.data, generation=generation, theme=theme).to_json())
    if len(text) > MOST_BYTES:
        raise RunFolderError(f"expected a figure of at most {MOST_BYTES} bytes, got {len(text)}; look at a shorter run")
    book.figures[(key, generation, theme)] = (version, text)
    for old in list(book.figures)[:-MOST_KEPT]:
        book.figures.pop(old, None)
    return text
