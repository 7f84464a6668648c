"""Plots of a run, as plotly figures: each a function of a `RunData`, for notebooks, the report and the dashboard.

from evolora.record.run_data import RunData
from evolora.viz import muller
muller(RunData.open(Path("checkpoints/tidepool-seed1-...")))
"""

from evolora.viz.archive import archive_map, archive_progress
from evolora.viz.bands import traits
from evolora.viz.colonies import colony_pots, colony_sizes, earnings, membership, together_or_alone
from evolora.viz.exams import exam_gain, exam_niches, exam_scores
from evolora.viz.families import clades
from evolora.viz.flows import energy_flow, energy_flow_so_far, energy_gini, lorenz
from evolora.viz.held_out import held_out_scores
from evolora.viz.lineages import muller
from evolora.viz.niche_levels import niche_levels
from evolora.viz.niche_scores import niche_scores
from evolora.viz.niches import niche_economy, specialisation
from evolora.viz.now import mean_score, throughput
from evolora.viz.one_life import life
from evolora.viz.panel import Panel
from evolora.viz.panels import PANELS
from evolora.viz.pond import pond, pond_layout
from evolora.viz.population import ages, births_by_kind, deaths_by_cause, energy, population_size, ranks
from evolora.viz.signs import signs_of_life
from evolora.viz.signs_plot import signs
from evolora.viz.tree import phylogeny

__all__ = [
    "PANELS",
    "Panel",
    "ages",
    "archive_map",
    "archive_progress",
    "births_by_kind",
    "clades",
    "colony_pots",
    "colony_sizes",
    "deaths_by_cause",
    "earnings",
    "energy",
    "energy_flow",
    "energy_flow_so_far",
    "energy_gini",
    "exam_gain",
    "exam_niches",
    "exam_scores",
    "held_out_scores",
    "life",
    "lorenz",
    "mean_score",
    "membership",
    "muller",
    "niche_economy",
    "niche_levels",
    "niche_scores",
    "phylogeny",
    "pond",
    "pond_layout",
    "population_size",
    "ranks",
    "signs",
    "signs_of_life",
    "specialisation",
    "throughput",
    "together_or_alone",
    "traits",
]
