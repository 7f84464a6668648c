"""Plots of a run, as plotly figures: each a function of a `RunData`, for notebooks, the report and the dashboard."""

from evolora.viz.lineages import muller
from evolora.viz.panels import PANELS, Panel
from evolora.viz.pond import pond_layout
from evolora.viz.population import energy, population_size

__all__ = ["PANELS", "Panel", "energy", "muller", "pond_layout", "population_size"]
