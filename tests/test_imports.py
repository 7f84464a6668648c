"""Imports point down only (README: where things are), some libraries have one home, no file grows past 400 lines."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "evolora"
MOST_LINES = 400

# Bottom to top. A module imports from the rows below its own and from its own package: nothing sideways.
LAYERS = (
    ("errors", "types", "rng", "events", "history", "stopping", "calendar", "outside"),
    ("organism", "environment", "config"),
    ("lifecycle", "host"),
    ("world",),
    ("record", "evaluation"),
    ("routing",),
    ("disturbance", "bare_host", "exams", "pooling", "archiving"),
    ("stages",),
    ("learning", "colonies"),
    ("generation",),
    ("simulation",),
    ("blueprint",),
    ("build",),
    ("forecast", "overhead"),
    ("benchmark",),
    ("viz",),
    ("dashboard", "share"),
    ("portfolio",),
    ("serving",),
    ("experiment",),
    ("api",),
    ("cli",),
    ("__main__",),
)
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}

# library or package -> the modules that may import it
HOMES = {
    "transformers": ("evolora.host",),
    "reasoning_gym": ("evolora.environment.families",),
    "peft": ("evolora.share", "evolora.evaluation.bench_peft"),
    "ray": ("evolora.evaluation.ray_pool",),
    "plotly": ("evolora.viz",),
    "ribs": ("evolora.lifecycle.archive",),
    "evolora.config": (
        "evolora.config",
        "evolora.blueprint",
        "evolora.build",
        "evolora.forecast",
        "evolora.overhead",
        "evolora.benchmark",
        "evolora.portfolio",
        "evolora.share",
        "evolora.experiment",
        "evolora.cli",
        "evolora.api",
    ),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {*PACKAGE.rglob("*.py"), *(PACKAGE / "viz").rglob("*.py")}  # viz is a link, which rglob does not enter
MODULES = {module_name(path): path for path in sorted(FILES)}


def imported(source: str) -> set[str]:
    """Every dotted name that a source imports, wherever in it; `from a import b` counts as a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"expected absolute imports, got a relative one in line {node.lineno}"
            names.update([node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)])
    return names


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def violations(module: str, source: str) -> list[str]:
    """The imports of a module that the rules forbid."""
    found = []
    own = module.split(".")[1] if "." in module else ""
    for name in sorted(imported(source)):
        for library, homes in HOMES.items():
            if inside(name, library) and not any(inside(module, home) for home in homes):
                found.append(f"{module} imports {name}: only {', '.join(homes)} may")
        target = name.split(".")[1] if name.startswith("evolora.") else ""
        if own and target in HEIGHT and target != own and HEIGHT[target] >= HEIGHT[own]:
            found.append(f"{module} imports {name}: not below it")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_below(module: str) -> None:
    assert violations(module, MODULES[module].read_text(encoding="utf-8")) == []


def test_every_module_has_its_layer() -> None:
    homeless = {name.split(".")[1] for name in MODULES if "." in name} - set(HEIGHT)
    assert not homeless, f"give them a row in LAYERS, and in the README: {sorted(homeless)}"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("evolora.organism.genome", "from evolora.world import World"),
        ("evolora.lifecycle.ledger", "from evolora.host.load import load_host"),
        ("evolora.record.metrics", "def late():\n    import evolora.generation"),
        ("evolora.errors", "from evolora import cli"),
        ("evolora.world", "from evolora.config.world import WorldConfig"),
        ("evolora.organism.genome", "import transformers.models"),
        ("evolora.host.bank", "from peft import LoraConfig"),
        ("evolora.record.run_data", "import plotly.graph_objects"),
    ],
)
def test_a_forbidden_import_is_noticed(module: str, source: str) -> None:
    assert violations(module, source)


@pytest.mark.parametrize("module", MODULES)
def test_no_file_grows_past_400_lines(module: str) -> None:
    num_lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert num_lines <= MOST_LINES, f"{module} has {num_lines} lines: it is about more than one thing"
