"""The dashboard's page: plain HTML, CSS and JavaScript modules, and plotly.js out of the plotly package."""

from pathlib import Path

import plotly

HERE = Path(__file__).parent
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def page_files() -> dict[str, tuple[Path, str]]:
    """Every file of the page: {address: (file, media type)}. Nothing that is not listed here is ever served."""
    files = {
        f"/page/{path.relative_to(HERE).as_posix()}": (path, KINDS[path.suffix])
        for path in sorted(HERE.rglob("*"))
        if path.suffix in KINDS
    }
    files["/"] = files.pop("/page/index.html")
    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    files["/page/plotly.js"] = (script, KINDS[".js"])
    return files
