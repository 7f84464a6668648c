"""The panels that report and dashboard show, in their order, each with a line that says what to look for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz import ecology
from evolora.viz.archive import archive_map, archive_progress, has_archive
from evolora.viz.bands import traits
from evolora.viz.colonies import (
    colony_pots,
    colony_sizes,
    earnings,
    has_colonies,
    has_trials,
    membership,
    together_or_alone,
)
from evolora.viz.families import clades
from evolora.viz.flows import energy_flow, energy_flow_so_far, energy_gini, lorenz
from evolora.viz.held_out import has_holdout, held_out_scores
from evolora.viz.lineages import muller
from evolora.viz.niche_levels import has_levels, niche_levels
from evolora.viz.niche_scores import niche_scores
from evolora.viz.niches import niche_economy, specialisation
from evolora.viz.now import mean_score, throughput
from evolora.viz.one_life import life
from evolora.viz.pond import pond
from evolora.viz.population import ages, births_by_kind, deaths_by_cause, energy, population_size, ranks
from evolora.viz.signs_plot import signs
from evolora.viz.tree import phylogeny

GROUPS = ("Now", "Pond", "Signs of life", "Population", "Niches", "Lineages", "Colonies", "Ecology", "Portfolio")


class Draw(Protocol):
    """A plot: a function of a run, as it stood at a generation (None: the last), in a theme (light or dark)."""

    def __call__(self, run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure: ...


@dataclass(frozen=True)
class Panel:
    """One plot: `caption` tells somebody who never heard of LoRA what to look for; `available` says whether a run
    has the plot's data."""

    key: str
    group: str
    title: str
    caption: str
    draw: Draw
    available: Callable[[RunData], bool]


def has_metrics(run: RunData) -> bool:
    """Whether a generation has been lived."""
    return bool(run.metrics)


def has_lives(run: RunData) -> bool:
    """Whether organisms' lives were recorded."""
    return len(run.lives) > 0


def has_births(run: RunData) -> bool:
    """Whether anybody was born, founders included."""
    return len(run.births) > 0


def has_deaths(run: RunData) -> bool:
    """Whether anybody died."""
    return len(run.deaths) > 0


def has_timing(run: RunData) -> bool:
    """Whether the run's speed was recorded."""
    return bool(run.timing)


PANELS: tuple[Panel, ...] = (
    Panel(
        "mean-score",
        "Now",
        "How well they answer",
        "Each organism is a small change to one language model; the line is how often their answers are right.",
        mean_score,
        has_metrics,
    ),
    Panel(
        "throughput",
        "Now",
        "How fast the world runs",
        "Tokens (word pieces) read and written each second: a falling line means longer answers or a busier machine.",
        throughput,
        has_timing,
    ),
    Panel(
        "pond",
        "Pond",
        "The pond",
        "Each cell is an organism near the tasks that feed it, larger if richer: watch crowds form at the shore.",
        pond,
        has_lives,
    ),
    Panel(
        "signs",
        "Signs of life",
        "Signs of life",
        "Each row is something living populations do, held against chance (the grey band): green is seen here.",
        signs,
        has_lives,
    ),
    Panel(
        "population-size",
        "Population",
        "Organisms alive",
        "How many adapted copies of the language model live, and how many founders still have descendants.",
        population_size,
        has_metrics,
    ),
    Panel(
        "energy",
        "Population",
        "Energy of the living",
        "What organisms own: a rising band means that they earn more by answering than their tokens cost.",
        energy,
        has_lives,
    ),
    Panel(
        "deaths",
        "Population",
        "Deaths and their causes",
        "Insolvency is selection at work: it could not pay for its words. Crowding makes room for somebody's child.",
        deaths_by_cause,
        has_deaths,
    ),
    Panel(
        "births",
        "Population",
        "Births",
        "A child is a mutated copy of one parent or two parents merged, and is paid for by them: births need wealth.",
        births_by_kind,
        has_births,
    ),
    Panel(
        "energy-flow",
        "Population",
        "Where this generation's energy went",
        "Follow the ribbons from left to right: everything that comes in is eaten, burnt or kept, and nothing is lost.",
        energy_flow,
        has_metrics,
    ),
    Panel(
        "energy-flow-so-far",
        "Population",
        "Where all energy went so far",
        "The same over the whole run: wide ribbons to the right are what living costs most.",
        energy_flow_so_far,
        has_metrics,
    ),
    Panel(
        "gini",
        "Population",
        "Inequality over time",
        "0 means that all own the same, 1 that one owns everything: rising lines are winners pulling away.",
        energy_gini,
        has_lives,
    ),
    Panel(
        "lorenz",
        "Population",
        "Who owns the energy",
        "The further the curve sags below the dotted line, the more of all energy a few organisms own.",
        lorenz,
        has_lives,
    ),
    Panel(
        "ages",
        "Population",
        "Ages",
        "Bars on the left are newborns, on the right survivors: a long tail means that some cope for long.",
        ages,
        has_lives,
    ),
    Panel(
        "ranks",
        "Population",
        "Adapter sizes",
        "A larger rank can store more skill and costs more energy for every token: which size does selection prefer?",
        ranks,
        has_lives,
    ),
    Panel(
        "traits",
        "Population",
        "Inherited traits",
        "Children inherit these with small changes: a band that moves or narrows is a trait under selection.",
        traits,
        has_lives,
    ),
    Panel(
        "niche-economy",
        "Niches",
        "What each niche holds and pays",
        "A niche is a kind of task with a stock of energy: where visitors crowd, the stock empties and earnings stall.",
        niche_economy,
        has_metrics,
    ),
    Panel(
        "niche-scores",
        "Niches",
        "Skill by niche",
        "How often answers are right in each kind of task; above the grey lines they beat the bare language model.",
        niche_scores,
        has_metrics,
    ),
    Panel(
        "niche-levels",
        "Niches",
        "How hard each niche has become",
        "Steps up are niches whose tasks were answered too well, and were made harder: who keeps climbing?",
        niche_levels,
        has_levels,
    ),
    Panel(
        "specialisation",
        "Niches",
        "Who lives on what",
        "Each row is an organism, bright where it eats: bright blocks down the diagonal are guilds of specialists.",
        specialisation,
        has_lives,
    ),
    Panel(
        "muller",
        "Lineages",
        "Whose descendants fill the world",
        "Each colour is one founder's family: a band that widens is a family that takes over.",
        muller,
        has_lives,
    ),
    Panel(
        "clades",
        "Lineages",
        "Families within families",
        "A band inside a band is a branch of that family: one that swallows what is around it is a sweep.",
        clades,
        has_lives,
    ),
    Panel(
        "phylogeny",
        "Lineages",
        "Family tree",
        "Every line is a life; children branch off their parents, and a dotted line joins a second parent.",
        phylogeny,
        has_births,
    ),
    Panel(
        "life",
        "Lineages",
        "One organism's life",
        "The best fed of those alive: what it owned, what it ate where, and whether its answers became better.",
        life,
        has_lives,
    ),
    Panel(
        "colony-sizes",
        "Colonies",
        "How many belong to colonies",
        "Each band is a colony, as wide as it has members: watch them be founded, split in two and dissolve.",
        colony_sizes,
        has_colonies,
    ),
    Panel(
        "colony-pots",
        "Colonies",
        "The pots",
        "What members pay in and the pot pays out for those who cannot pay; crosses are colonies that ended.",
        colony_pots,
        has_colonies,
    ),
    Panel(
        "membership",
        "Colonies",
        "Who belongs to whom",
        "A line for each organism while it is a member: bundles of one colour are a colony, crosses those thrown out.",
        membership,
        has_colonies,
    ),
    Panel(
        "together-or-alone",
        "Colonies",
        "Do colonies pay?",
        "The same fresh tasks, answered alone (grey) and passed on (green): green above grey: the colony pays.",
        together_or_alone,
        has_trials,
    ),
    Panel(
        "earnings",
        "Colonies",
        "Members and loners",
        "What each earns beyond its tokens; members were chosen, so only the paired trials say whether colonies pay.",
        earnings,
        has_colonies,
    ),
    Panel(
        "diversity",
        "Ecology",
        "Diversity",
        "How many equally common kinds would be as diverse: a line that falls to 1 means that all are alike.",
        ecology.diversity,
        ecology.recorded(*ecology.DIVERSITY),
    ),
    Panel(
        "partitioning",
        "Ecology",
        "Division of labour, against chance",
        "Above the grey band, organisms solve different tasks from each other more than shuffling explains.",
        ecology.partitioning,
        ecology.recorded("tasks_h2_prime"),
    ),
    Panel(
        "breadth",
        "Ecology",
        "Specialists and generalists",
        "Rising lines mean that each organism keeps to fewer kinds of task.",
        ecology.breadth,
        ecology.recorded(*ecology.BREADTH),
    ),
    Panel(
        "activity",
        "Ecology",
        "Success beyond drift",
        "Above zero, kinds persist longer than in a shadow population with the same births and deaths but no merit.",
        ecology.activity,
        ecology.recorded(*ecology.ACTIVITY),
    ),
    Panel(
        "coverage",
        "Ecology",
        "What the population can do together",
        "The gap between one and all organisms is what they know between them that no single one knows.",
        ecology.coverage,
        ecology.recorded(*ecology.COVERAGE),
    ),
    Panel(
        "heritability",
        "Ecology",
        "Heritability",
        "Above zero, children take after their parents: without this, selection could not change anything.",
        ecology.heritability,
        ecology.recorded(*ecology.HERITABILITY),
    ),
    Panel(
        "price-equation",
        "Ecology",
        "What changes the score",
        "Selection is who had children; transmission is what learning and mutation made of them: which line moves?",
        ecology.price_equation,
        ecology.recorded(*ecology.PRICE),
    ),
    Panel(
        "archive-map",
        "Portfolio",
        "The best of every kind",
        "Each square is a way to live, lit by the best adapter ever seen there, dead ones included: which stay dark?",
        archive_map,
        has_archive,
    ),
    Panel(
        "archive-progress",
        "Portfolio",
        "How the archive fills",
        "Rising lines mean that more ways to live were found, or better ones: an archive can only gain.",
        archive_progress,
        has_archive,
    ),
    Panel(
        "held-out",
        "Portfolio",
        "Tasks nobody lived on",
        "Bars that rise from grey to blue are skill that carries over to new tasks; whiskers are standard errors.",
        held_out_scores,
        has_holdout,
    ),
)
