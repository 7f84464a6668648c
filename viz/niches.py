"""The niches: what each holds, pays and feeds, who lives off it, and how well it is answered."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evolora.calendar import Opening
from evolora.environment.seasons import Shock, price_factor
from evolora.record.run_data import RunData
from evolora.viz.series import Values, evenly, last_generation, life_generations, number, pick, shown_rows
from evolora.viz.style import GENERATION, SEQUENTIAL, colour, figure, template, text

WINDOW = 5  # generations whose meals make up a profile in the heat map
MOST_ROWS = 250  # organisms in the heat map


def niche_economy(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Each niche's stock, price, visitors and earnings, generation by generation."""
    rows = shown_rows(run, generation)
    generations = [row["generation"] for row in rows]
    prices = niche_prices(run, generations)
    earned_in, earned = niche_earnings(run, generation)
    plot = make_subplots(
        rows=2,
        cols=2,
        vertical_spacing=0.16,
        horizontal_spacing=0.1,
        subplot_titles=("stock", "price of a full-score answer", "visitors", "earnings of all visitors"),
    )
    plot.update_layout(template=template(theme), height=560, margin={"t": 50})
    for index, niche in enumerate(run.niches):
        name = text(niche)
        visitors = np.nan_to_num(pick(rows, "niche_visitors", niche))  # a niche that is not in the table had none
        curves = (
            (generations, pick(rows, "niche_stocks", niche), "%{y:.3g} energy in stock"),
            (generations, prices[:, index], "pays %{y:.3g}"),
            (generations, visitors, "%{y} visitors"),
            (earned_in, earned[:, index], "fed %{y:.3g} energy"),
        )
        for place, (x, y, hover) in enumerate(curves):
            plot.add_scatter(
                x=x,
                y=y,
                mode="lines",
                name=name,
                legendgroup=str(index),
                line_color=colour(index),
                showlegend=place == 0,
                hovertemplate=f"{name}, generation %{{x}}: {hover}<extra></extra>",
                row=place // 2 + 1,
                col=place % 2 + 1,
            )
    for row, col, title in ((1, 1, "energy"), (1, 2, "energy"), (2, 1, "organisms (count)"), (2, 2, "energy")):
        plot.update_yaxes(title_text=title, rangemode="tozero", row=row, col=col)
    plot.update_xaxes(title_text=GENERATION, row=2)
    return plot


def niche_prices(run: RunData, generations: list[int]) -> Values:
    """(generations, niches): energy for a full-score answer, price shocks included; NaN where it is not known, or where
    the niche is shut."""
    settings = run.world.get("niches")
    base = [number(entry.get("price")) if isinstance(entry, dict) else np.nan for entry in settings or []]
    prices = np.full((len(generations), len(run.niches)), np.nan)
    if len(base) != len(run.niches):
        return prices
    shocks = price_shocks(run)
    for index, (niche, entry) in enumerate(zip(run.niches, settings or [], strict=True)):
        paid = [base[index] * price_factor(niche, generation, shocks) for generation in generations]
        prices[:, index] = np.where([_is_open(entry, generation) for generation in generations], paid, np.nan)
    return prices


def _is_open(entry: object, generation: int) -> bool:
    """Whether the niche of a world's `entry` is open; one whose opening makes no sense always is."""
    opening = entry.get("open") if isinstance(entry, dict) else None
    if not isinstance(opening, dict):
        return True
    at, duration, every = (number(opening.get(key)) for key in ("at", "duration", "every"))
    if not np.isfinite([at, duration]).all():
        return True
    return Opening(int(at), int(duration), int(every) if 1 <= every < np.inf else None).includes(generation)


def price_shocks(run: RunData) -> list[Shock]:
    """The world's price shocks; entries that are none are left out."""
    shocks = []
    listed = run.world.get("shocks")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("quantity") == "price":
            at, duration, factor = (number(entry.get(key)) for key in ("at", "duration", "factor"))
            if np.isfinite([at, duration, factor]).all():
                shocks.append(Shock(str(entry.get("niche")), int(at), factor, int(duration), "price"))
    return shocks


def niche_earnings(run: RunData, until: int | None = None) -> tuple[list[int], Values]:
    """Generations to draw, and (generations, niches): what each niche fed its visitors, in energy."""
    generations, meals = life_generations(run, until), run.life_column("meals")
    sums = [meals[run.rows_of(generation)].sum(axis=0) for generation in generations]
    return generations, np.array(sums).reshape(len(generations), len(run.niches))


def specialisation(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Who lives on what: the share of its meals that each organism got from each niche, specialists sorted together.

    Meals of the last `WINDOW` generations; organisms that are alive in the generation shown and ate at all.
    """
    shown = last_generation(run, generation)
    ids, profiles = recent_profiles(run, shown)
    favourite, share = profiles.argmax(axis=1), profiles.max(axis=1, initial=0.0)
    order = evenly(list(np.lexsort((-share, favourite))), MOST_ROWS) if len(ids) else []
    plot = figure(theme, "niche", "organism, those of a niche together")
    names = [text(niche) for niche in run.niches]
    plot.add_heatmap(
        z=profiles[order],
        x=names,
        y=[str(place) for place in range(len(order))],
        customdata=np.repeat(ids[order][:, None], len(names), axis=1),
        colorscale=SEQUENTIAL,
        zmin=0,
        zmax=1,
        colorbar={"title": "share of<br>its meals", "tickformat": ".0%"},
        hovertemplate="organism %{customdata}: %{z:.0%} of its meals from %{x}<extra></extra>",
    )
    plot.update_yaxes(
        autorange="reversed",
        tickmode="array",
        tickvals=[str(place) for place in evenly(range(len(order)), 16)],
        ticktext=[str(ids[place]) for place in evenly(order, 16)],
    )
    plot.update_layout(height=max(360, min(760, 140 + 14 * len(order))), title_text=f"generation {shown}")
    return plot


def recent_profiles(run: RunData, generation: int, window: int = WINDOW) -> tuple[np.ndarray, Values]:
    """(organisms,) ids and (organisms, niches) shares of meals over a window, of those alive at its end who ate."""
    rows = slice(run.rows_of(generation - window + 1).start, run.rows_of(generation).stop)
    ids, meals = run.life_column("organism_id", rows), run.life_column("meals", rows)
    living = np.unique(run.life_column("organism_id", run.rows_of(generation)))
    here = np.isin(ids, living)
    totals = np.zeros((len(living), meals.shape[1]))
    np.add.at(totals, np.searchsorted(living, ids[here]), np.nan_to_num(meals[here]))
    eaten = totals.sum(axis=1)
    return living[eaten > 0], totals[eaten > 0] / eaten[eaten > 0][:, None]
