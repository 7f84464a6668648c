"""Saved portfolios in use beside a run: where they lie, and that they belong to its host."""

from collections.abc import Sequence
from pathlib import Path

from evolora.config.load import load_world
from evolora.errors import RunFolderError
from evolora.evaluation.local import LocalEvaluator
from evolora.organism.distance import delta_norm, distance
from evolora.organism.genome import SiteShape
from evolora.portfolio.folder import INDEX, check_reading, load_portfolio
from evolora.portfolio.portfolio import ANCESTOR, Portfolio
from evolora.record.residents import Resident, Residents

SAME = 1e-5  # of a delta's norm: what saving and loading may change by rounding
NAME = "portfolio"  # RUN/portfolio is the one that others mean who name none


def portfolios_of(run: Path) -> list[Path]:
    """RUN/portfolio and every RUN/portfolio-NAME that holds a portfolio, in that order, by name."""
    found = [path for path in run.glob(f"{NAME}*") if path.name == NAME or path.name.startswith(f"{NAME}-")]
    return sorted(path for path in found if (path / INDEX).is_file())


def open_beside(folder: Path, run: Path, evaluator: LocalEvaluator) -> Portfolio:
    """The portfolio in `folder`, to answer on the host of `run` in the run's own prompts.

    Raises:
        EvoloraError: a damaged folder, or one that was made on another host or for another system prompt.
    """
    saved = load_portfolio(folder, evaluator.sites)
    ours = load_world(str(run / "world.yaml")).host
    if saved.host_digest != evaluator.host.digest:
        raise RunFolderError(
            f"{folder}: expected a portfolio made on the run's host {ours.name} (digest {evaluator.host.digest[:12]}), "
            f"got one made on {saved.config.host.name} ({saved.host_digest[:12]}); choose another portfolio, or its run"
        )
    if saved.config.host.system_prompt != ours.system_prompt:
        raise RunFolderError(
            f"{folder}: expected a portfolio whose router read the run's system prompt {ours.system_prompt[:60]!r}, "
            f"got one that read {saved.config.host.system_prompt[:60]!r}; choose another portfolio, or its run"
        )
    check_reading(folder, saved.portfolio, evaluator)
    return saved.portfolio


def residents_in(folder: Path, residents: Residents, sites: Sequence[SiteShape]) -> list[Resident]:
    """The members of the portfolio in `folder` as they live in the run, in the order of the choice; the bare host, who
    lives in none, is passed over.

    Raises:
        EvoloraError: a damaged folder, or a member that died or learnt on since it was saved.
    """
    found = []
    for identity, genome in load_portfolio(folder, sites).portfolio.members.items():
        if identity == ANCESTOR:
            continue
        alive = next((resident for resident in residents.members if resident.id == identity), None)
        if alive is None or distance(alive.organism.active, genome) > SAME * delta_norm(genome):
            state = "died" if alive is None else "learnt on"
            raise RunFolderError(
                f"{folder}: expected organisms of generation {residents.generation}, got {identity}, which {state} "
                f"since; its adapter as it was is in {folder}/adapters, or make the portfolio anew"
            )
        found.append(alive)
    return found
