"""What the page may ask about runs, and the JSON it gets: one function a question, a run named by its key."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from evolora.dashboard import comparing
from evolora.dashboard.figures import draw_panel, list_panels
from evolora.dashboard.library import Library
from evolora.dashboard.organisms import describe_organism
from evolora.errors import EvoloraError, RunFolderError

MOST_DIGITS = 15  # of a number in a question
log = logging.getLogger(__name__)

Question = Callable[[Library, Request], Response]


def list_runs(library: Library, request: Request) -> Response:
    """The runs there are, for the picker, and which of them was written to last."""
    library.runs.look()
    runs = [{"key": key, "title": library.runs.title(key)} for key in library.runs.folders]
    return as_json({"runs": runs, "newest": library.runs.newest()})


def overview(library: Library, request: Request) -> Response:
    """A run's name, length, niches and the curves behind the scrubber."""
    return as_json(library.open(request.path_params["key"]).overview())


def frames(library: Library, request: Request) -> Response:
    """The pond from one generation to another."""
    book = library.open(request.path_params["key"])
    return as_json({"frames": book.frames().between(number(request, "from", 0), number(request, "to", 0))})


def panels(library: Library, request: Request) -> Response:
    """The plots the run has data for."""
    return as_json({"panels": list_panels(library.open(request.path_params["key"]))})


def panel(library: Library, request: Request) -> Response:
    """One plot's figure, as plotly.js draws it."""
    book = library.open(request.path_params["key"])
    generation = number(request, "generation", None)
    text = draw_panel(book, request.path_params["panel"], generation, request.query_params.get("theme", "light"))
    return Response(text.encode("utf-8", "replace"), media_type="application/json")


def organism(library: Library, request: Request) -> Response:
    """One organism's life."""
    book = library.open(request.path_params["key"])
    identity = request.path_params["organism"]
    if not _is_number(identity):
        raise RunFolderError("expected an organism's number")
    with book.life.newest() as data:
        described = describe_organism(data, int(identity), number(request, "generation", None))
    if described is None:
        raise RunFolderError(f"organism {identity}: nobody of that number was born in this run")
    return as_json(described)


def compare(library: Library, request: Request) -> Response:
    """Several runs, and the plots there are of them together."""
    return as_json(comparing.describe(library, _keys(request)))


def compare_panel(library: Library, request: Request) -> Response:
    """One plot of several runs, as plotly.js draws it."""
    generation, theme = number(request, "generation", None), request.query_params.get("theme", "light")
    text = comparing.draw(library, _keys(request), request.path_params["panel"], generation, theme)
    return Response(text.encode("utf-8", "replace"), media_type="application/json")


def _keys(request: Request) -> list[str]:
    return request.query_params.get("runs", "").split(",")


def answer(library: Library, question: Question, request: Request) -> Response:
    """A question's answer. What is wrong with a run is told in one line, and never stops the server."""
    try:
        return question(library, request)
    except EvoloraError as error:
        return as_json({"error": str(error)}, 404)
    except Exception as error:  # a damaged folder can break a plot in any way: shown and logged
        log.exception("%s", request.url.path)
        return as_json({"error": f"this could not be read: {type(error).__name__}: {error}"}, 500)


def page_file(path: Path, kind: str, request: Request) -> Response:
    """One file of the page."""
    return FileResponse(path, media_type=kind, headers={"cache-control": "no-cache"})


def as_json(content: dict[str, Any], status: int = 200) -> Response:
    """JSON in ASCII alone, since a damaged name may hold half a character."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return Response(text, status, {"cache-control": "no-store"}, "application/json")


def number(request: Request, name: str, otherwise: Any) -> Any:
    """A whole number in the question.

    Raises:
        RunFolderError: it is something else.
    """
    text = request.query_params.get(name)
    if text is None:
        return otherwise
    if not _is_number(text):
        raise RunFolderError(f"{name}: expected a whole number")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
