"""What `evolora portfolio` does: a run or a saved folder, opened with its host, tested, saved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolora.blueprint import build_rules
from evolora.build import build_evaluator, check_host
from evolora.config.load import load_world
from evolora.config.world import WorldConfig
from evolora.errors import RunFolderError
from evolora.evaluation.local import LocalEvaluator
from evolora.portfolio.archived import candidates_of_archive
from evolora.portfolio.examine import Examined, bare_host, candidates_of_run, examine
from evolora.portfolio.folder import check_reading, load_portfolio, read_world, save_portfolio
from evolora.portfolio.portfolio import ANCESTOR, RIVALS, Portfolio, assemble
from evolora.portfolio.splits import foreign_niches, harder_niches, make_split, selection_questions
from evolora.record.run_dir import RunDir
from evolora.routing.tokens import TokenMeter
from evolora.share.check import refuse_code
from evolora.world import Rules


@dataclass(frozen=True, eq=False)
class Session:
    """A portfolio with its world, the host it answers with, and what it has cost.

    `rivals` are, where it was made just now, the same members under other routers, by kind.
    """

    portfolio: Portfolio
    config: WorldConfig
    rules: Rules
    evaluator: LocalEvaluator
    meter: TokenMeter
    notes: dict[str, Any]
    rivals: Mapping[str, Portfolio] = field(default_factory=dict)


def portfolio_of_run(
    run: Path,
    size: int,
    candidates: int,
    selection: int,
    router: str,
    from_archive: bool = False,
    ancestor: int | None = None,
) -> Session:
    """Choose and fit on `selection` tasks of every niche of the run's world, out of the living or out of the archive.

    With `ancestor`, the bare host, shown so many worked examples, is one more member for what the router, a
    recogniser, does not recognise.

    Raises:
        EvoloraError: no run, nobody alive, no archive, another host, or no such router.
    """
    run_dir = RunDir.open(run)
    config = load_world(str(run / "world.yaml"))
    genomes = candidates_of_archive(run, candidates) if from_archive else candidates_of_run(run, candidates)
    rules, evaluator, meter = build_rules(config), build_evaluator(config), TokenMeter()
    check_host(run_dir, evaluator.host.digest)
    if ancestor is not None:
        genomes = {**genomes, ANCESTOR: bare_host(config, evaluator.sites, ancestor)}
    questions = selection_questions(rules.niches, rules.tasks, selection)
    others = [kind for kind in RIVALS if kind != router]
    portfolio, sheet, rivals = assemble(genomes, questions, size, evaluator, rules.tasks, meter, router, rivals=others)
    notes = {
        "run": run.resolve().name,
        "candidates": len(genomes),
        "from": "archive" if from_archive else "living",
        "selection_questions": len(questions),
        "selection_scores": {
            str(m): round(float(s.mean()), 6) for m, s in zip(sheet.members, sheet.scores, strict=True)
        },
        "token_passes": dict(meter.by_purpose),
    }
    return Session(portfolio, config, rules, evaluator, meter, notes, rivals)


def open_saved(folder: Path, trust_code: bool = False) -> Session:
    """A saved portfolio with its host. Anybody may have made it: modules that its world names are imported only where
    `trust_code` says so.

    Raises:
        EvoloraError: a damaged folder, another host than it was made on, or task families of the author's own.
    """
    config = read_world(folder)
    if not trust_code:
        refuse_code(config, "portfolio")
    evaluator = build_evaluator(config)
    saved = load_portfolio(folder, evaluator.sites)
    if saved.host_digest != evaluator.host.digest:
        raise RunFolderError(
            f"{folder}: expected the host it was made on (digest {saved.host_digest[:12]}), "
            f"got {evaluator.host.digest[:12]}; bring that host back"
        )
    check_reading(folder, saved.portfolio, evaluator)
    return Session(saved.portfolio, config, build_rules(config), evaluator, TokenMeter(), dict(saved.notes))


def save(session: Session, target: Path) -> None:
    """Keep the portfolio as a folder.

    Raises:
        RunFolderError: `target` exists or cannot be written.
    """
    evaluator = session.evaluator
    save_portfolio(session.portfolio, session.config, evaluator.host.digest, evaluator.sites, target, session.notes)


def test(session: Session, tasks: int, shifts: bool, samples: int = 0) -> list[Examined]:
    """The portfolio in distribution and, if asked for, under every shift that the world's families allow; with
    `samples`, by self-consistency too."""
    rules, evaluator = session.rules, session.evaluator
    harder, foreign = harder_niches(rules.niches), foreign_niches(rules.niches)
    splits = [make_split("in distribution", rules.niches, rules.tasks, tasks)]
    if shifts:
        splits += [make_split("difficulty", rules.niches, rules.tasks, tasks, harder=harder)] if harder else []
        splits += [make_split("family", rules.niches, rules.tasks, tasks, foreign=foreign)] if foreign else []
        splits += [make_split("surface", rules.niches, rules.tasks, tasks, seed=session.config.seed)]
    host = bare_host(session.config, evaluator.sites)
    return [
        examine(session.portfolio, split, evaluator, rules.tasks, host, session.meter, session.rivals, samples)
        for split in splits
    ]
