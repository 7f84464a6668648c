"""From a run's folder to everybody in it who can be asked."""

from collections.abc import Sequence
from pathlib import Path

from evolora.build import reopen, reopen_rules
from evolora.disturbance import niches_now
from evolora.errors import ConfigError, RunFolderError
from evolora.evaluation.local import LocalEvaluator
from evolora.host.registry import HOSTS
from evolora.organism.genome import Genome
from evolora.portfolio.beside_run import open_beside, portfolios_of
from evolora.portfolio.portfolio import ANCESTOR, Portfolio
from evolora.record.adapter import check_shapes
from evolora.record.checkpoint import checkpoints
from evolora.record.residents import Residents, open_residents
from evolora.record.run_dir import RunDir
from evolora.serving.speaker import HOST
from evolora.serving.speakers import Speakers
from evolora.serving.teams import Team, by_bids, by_router, fit_niche_reader
from evolora.share.portfolio_format import member_name
from evolora.world import World

NICHE_EXAMPLES = 8  # questions of each niche by which a colony's question is told


def open_speakers(path: Path, portfolios: Sequence[Path] | None = None) -> Speakers:
    """The organisms of a run's last checkpoint on their host, its portfolios and colonies, ready to be asked.

    `portfolios` are folders; None: RUN/portfolio and every RUN/portfolio-NAME, if there are any. A run that came out of
    a bundle has no checkpoint: of it the portfolios answer.

    Raises:
        EvoloraError: no such run, nobody alive, another host than the run's, or a portfolio that does not belong here.
    """
    named = _named(portfolios_of(path) if portfolios is None else portfolios)
    residents = _residents(path, bool(named))  # cheap, and says most mistakes before a host is loaded
    evaluator, prices = reopen(path)
    for resident in residents.members:
        check_shapes(resident.organism.active.factors, evaluator.sites)
    opened = {name: open_beside(folder, path, evaluator) for name, folder in named.items()}
    guests = [guest for name, portfolio in opened.items() for guest in _guests(name, portfolio)]
    speakers = Speakers(residents, evaluator, prices, guests)
    for name, portfolio in opened.items():
        speakers.add_team(_portfolio_team(name, portfolio, speakers, evaluator))
    for team in _colonies(residents, speakers, evaluator):
        speakers.add_team(team)
    return speakers


def _residents(path: Path, has_portfolio: bool) -> Residents:
    """Who lives in the run; nobody where it has a portfolio and no checkpoint."""
    if not has_portfolio or checkpoints(path):
        return open_residents(path)
    record = RunDir.open(path).info()
    if record["host"] not in HOSTS:
        raise RunFolderError(
            f"{path}: expected a host out of {', '.join(HOSTS)} in a run without checkpoints, got {record['host']!r}, "
            "a path or a hub id that its author chose; bring that model, and live the world with it first"
        )
    return Residents(path, 0, record, (), World())


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """Model names: the first is `portfolio`, the others say which."""
    named: dict[str, Path] = {}
    for folder in folders:
        own = folder.resolve().name
        name = "portfolio" if not named else own if own.startswith("portfolio-") else f"portfolio-{own}"
        if name in named:
            raise ConfigError(f"--portfolio {folder}: expected folders of different names, got {own} twice; rename one")
        named[name] = folder
    return named


def _guests(name: str, portfolio: Portfolio) -> list[tuple[str, int | None, Genome]]:
    """A portfolio's members by name and organism id; the bare host is no organism, and adapts nothing."""
    return [
        (f"{name}/{HOST}", None, genome.with_factors({}))
        if identity == ANCESTOR
        else (f"{name}/{member_name(identity)}", identity, genome)
        for identity, genome in portfolio.members.items()
    ]


def _portfolio_team(name: str, portfolio: Portfolio, speakers: Speakers, evaluator: LocalEvaluator) -> Team:
    members = tuple(speaker for speaker in speakers.guests if speaker.name.rpartition("/")[0] == name)
    about = {"router": portfolio.router_kind, "members": [member.name for member in members]}
    return Team(name, members, by_router(portfolio, evaluator), about)


def _colonies(residents: Residents, speakers: Speakers, evaluator: LocalEvaluator) -> list[Team]:
    """A team for each living colony; without any, no task family is loaded and nothing is read."""
    world = residents.world
    if not len(world.colonies):
        return []
    rules = reopen_rules(residents.path)
    if rules.colonies is None:
        return []
    questions = {
        name: [evaluator.prompts.build(task.question) for task in rules.tasks.examples(niche, NICHE_EXAMPLES)]
        for name, niche in niches_now(world, rules).items()
    }
    reader = fit_niche_reader(questions, evaluator)
    teams = []
    for colony in world.colonies:
        members = tuple(speaker for speaker in speakers.all if speaker.organism_id in colony.members)
        organisms = [speaker.resident.organism for speaker in members if speaker.resident is not None]
        about = {"colony": colony.id, "founded": colony.founded, "members": [member.name for member in members]}
        if members:
            rank = by_bids(organisms, rules.colonies.forwarding, reader)
            teams.append(Team(f"colony-{colony.id}", members, rank, about))
    return teams
