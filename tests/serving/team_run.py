"""A run on the petri host with two saved portfolios and a living colony, for those who ask teams."""

from pathlib import Path

from evolora.build import open_run
from evolora.config.load import load_world
from evolora.config.world import WorldConfig
from evolora.lifecycle.colony import Member
from evolora.portfolio.session import portfolio_of_run, save
from evolora.record.checkpoint import checkpoints, load_checkpoint, save_checkpoint


def team_world() -> WorldConfig:
    """Four niches, six organisms, two generations; everybody lives alone until a test says otherwise."""
    config = load_world("petri_colonies")
    return config.model_copy(
        update={
            "niches": config.niches[:4],
            "population": config.population.model_copy(update={"founders": 6, "capacity": 6}),
            "generations": 2,
        }
    )


def make_team_run(parent: Path) -> Path:
    """Lives the world, joins its four best organisms to a colony, and saves a portfolio by each of two routers."""
    simulation = open_run(team_world(), parent, name="teams")
    simulation.run()
    run = simulation.run_dir.path
    saved = checkpoints(run)[-1]
    world, log_sizes = load_checkpoint(saved)
    for colony in world.colonies:
        world.colonies.dissolve(colony, world.generation)
    members = {organism.id: Member(world.generation) for organism in list(world.population)[:4]}
    world.colonies.found(members, world.generation)
    save_checkpoint(world, log_sizes, run, keep=2)
    for router, folder in (("ridge", "portfolio"), ("arrow", "portfolio-arrow")):
        save(portfolio_of_run(run, size=3, candidates=6, selection=6, router=router), run / folder)
    return run
