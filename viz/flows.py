"""Energy: where it comes from, whom it passes through and where it goes; and how unevenly it is owned."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import pyarrow.compute as pc

from evolora.record.run_data import RunData
from evolora.viz.series import Values, last_generation, life_generations, number, table_of
from evolora.viz.style import GENERATION, OTHER, colour, faint, figure

COMPARTMENTS = ("niches", "organisms", "commons", "pots")  # where energy is held, as the metrics name it
PASSED = ("niches", "organisms", "pots")  # those in the middle of the diagram
LABELS = {"niches": "niches' stocks", "organisms": "organisms", "pots": "pots"}
SHADES = {"source": colour(1), "niches": colour(0), "organisms": colour(2), "commons": colour(3), "pots": colour(4)}
BACKWARDS = ("pots", "organisms")  # payer and payee of what is drawn as two stubs, so that nothing runs backwards
STUBS = ("to members", "out of pots")
PATHS = {  # reason of a transfer -> (payer, payee); None is filled in from the world
    "founding": ("source", "organisms"),
    "inflow": ("source", "niches"),
    "outflow": ("niches", "sink"),
    "commons_release": ("commons", "niches"),
    "meal": ("niches", "organisms"),
    "prompt": ("organisms", "sink"),
    "generation": ("organisms", "sink"),
    "learning": ("organisms", "sink"),
    "parameters": ("organisms", "sink"),
    "upkeep": ("organisms", "sink"),
    "forwarding": ("organisms", "sink"),
    "trial": ("organisms", "sink"),
    "pooling": ("organisms", "pots"),
    "cover": BACKWARDS,
    "dividend": BACKWARDS,
}
NAMES = {
    "founding": "given to founders",
    "inflow": "inflow",
    "outflow": "lost from stocks",
    "prompt": "prompt tokens",
    "generation": "generated tokens",
    "learning": "learning",
    "parameters": "adapter size",
    "upkeep": "upkeep",
    "forwarding": "passing tasks on",
    "trial": "colonies' trials",
    "remains": "left by the dead",
    "estate": "left by dead colonies",
    "commons_release": "handed out by the commons",
}
INSIDE = {
    "endowment": "from parents to children",
    "dealing": "dealt out by chance",
    "reward": "between members of colonies",
    "budding": "from colonies to their daughters",
}
TOLERANCE = 1e-4  # energy by which rows of micro-units, summed as floats, may miss


@dataclass(frozen=True)
class Budget:
    """Energy over a span of generations: what each compartment held `before` and `after`, and `flows` by (payer,
    payee, reason); `within` is what moved inside a compartment, by reason, `missing` the largest imbalance of one."""

    first: int
    last: int
    before: dict[str, float]
    after: dict[str, float]
    flows: dict[tuple[str, str, str], float]
    within: dict[str, float]
    missing: float


def energy_budget(run: RunData, generation: int | None = None, whole_run: bool = False) -> Budget:
    """The books of one generation, or of all up to it, from `flows` and `energy` of the metrics."""
    rows = [row for row in run.metrics if generation is None or row["generation"] <= generation]
    span = rows if whole_run else rows[-1:]
    earlier = rows[-2] if len(rows) > 1 and not whole_run else {}
    totals: dict[str, float] = {}
    for row in span:
        for reason, amount in table_of(row, "flows").items():
            totals[reason] = totals.get(reason, 0.0) + amount
    heir = _heir(run)
    paths = {**PATHS, "remains": ("organisms", heir), "estate": ("pots", heir)}
    flows = {(*paths[reason], reason): amount for reason, amount in totals.items() if reason in paths and amount > 0}
    before, after = (table_of(row, "energy") for row in (earlier, span[-1] if span else {}))
    if span and span[0]["generation"] == 1 and "founding" not in totals:
        before = _founded(run)
    missing = max(abs(_imbalance(name, before, after, flows)) for name in COMPARTMENTS)
    within = {reason: totals[reason] for reason in INSIDE if totals.get(reason)}
    first, last = (span[0]["generation"], span[-1]["generation"]) if span else (0, 0)
    return Budget(first, last, before, after, flows, within, missing)


def _heir(run: RunData) -> str:
    settings = run.world.get("energy")
    return "sink" if isinstance(settings, dict) and settings.get("remains") == "sink" else "commons"


def _founded(run: RunData) -> dict[str, float]:
    """What was there before the first generation: the founders' energy as recorded, and the stocks the world gave."""
    births = run.birth_table
    founders = births.filter(pc.equal(births["kind"], "founder"))
    stocks = []
    listed = run.world.get("niches")
    for niche in listed if isinstance(listed, list) else []:
        if isinstance(niche, dict):
            stock = number(niche.get("inflow") if niche.get("stock") is None else niche["stock"])
            stocks.append(np.fmin(stock, number(niche.get("capacity"))))
    held = {"organisms": float(pc.sum(founders["energy"]).as_py() or 0.0), "niches": float(np.nansum(stocks))}
    return {name: amount for name, amount in held.items() if np.isfinite(amount)}


def _imbalance(
    name: str, before: dict[str, float], after: dict[str, float], flows: dict[tuple[str, str, str], float]
) -> float:
    came = sum(amount for (_, payee, _), amount in flows.items() if payee == name)
    went = sum(amount for (payer, _, _), amount in flows.items() if payer == name)
    return before.get(name, 0.0) + came - went - after.get(name, 0.0)


def energy_flow(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Sankey diagram of one generation's energy: everything on the left arrives on the right."""
    return _sankey(energy_budget(run, generation), theme)


def energy_flow_so_far(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Sankey diagram of all energy from the beginning up to a generation."""
    return _sankey(energy_budget(run, generation, whole_run=True), theme)


def _sankey(budget: Budget, theme: str) -> go.Figure:
    links = [link for link in _links(budget) if link.energy > TOLERANCE]
    labels = list(dict.fromkeys(label for link in links for label in (link.start, link.end)))
    shades = {label: SHADES.get(name, OTHER) for name, label in LABELS.items()}
    plot = figure(theme)
    plot.add_sankey(
        arrangement="snap",
        node={
            "label": labels,
            "color": [shades.get(label, OTHER) for label in labels],
            "pad": 18,
            "thickness": 16,
            "line": {"width": 0},
            "hovertemplate": "%{label}: %{value:.3f} energy<extra></extra>",
        },
        link={
            "source": [labels.index(link.start) for link in links],
            "target": [labels.index(link.end) for link in links],
            "value": [link.energy for link in links],
            "color": [faint(SHADES[link.shade], 0.35) for link in links],
            "hovertemplate": "from %{source.label} to %{target.label}: %{value:.3f} energy<extra></extra>",
        },
        valueformat=".2f",
    )
    plot.update_layout(title_text=_balance(budget), height=460, margin={"t": 76})
    return plot


@dataclass(frozen=True)
class Link:
    """A ribbon from one label to another, in the colour of a payer."""

    start: str
    end: str
    energy: float
    shade: str


def _links(budget: Budget) -> list[Link]:
    """The ribbons: left, what was there and what came; in the middle, stocks and organisms; right, where it went.

    What the commons hand out stands on the left and what the dead leave to them on the right, so that nothing runs
    backwards: the sums of both sides are equal. What pots hand their members stands on both sides.
    """
    links = [Link(f"{LABELS[name]}, before", LABELS[name], budget.before.get(name, 0.0), name) for name in PASSED]
    for (payer, payee, reason), amount in sorted(budget.flows.items()):
        start, end = LABELS.get(payer, NAMES.get(reason, reason)), LABELS.get(payee, NAMES.get(reason, reason))
        if (payer, payee) == BACKWARDS:
            links += [Link(start, STUBS[0], amount, payer), Link(STUBS[1], end, amount, payer)]
        else:
            links.append(Link(start, end, amount, payer))
    return links + [Link(LABELS[name], f"{LABELS[name]}, after", budget.after.get(name, 0.0), name) for name in PASSED]


def _balance(budget: Budget) -> str:
    """The diagram's sum in words: what was held and came in is what was burnt and is held now."""
    came = sum(amount for (payer, _, _), amount in budget.flows.items() if payer == "source")
    burnt = sum(amount for (_, payee, _), amount in budget.flows.items() if payee == "sink")
    before, after = (sum(held.get(name, 0.0) for name in COMPARTMENTS) for held in (budget.before, budget.after))
    one = budget.first == budget.last
    span = f"generation {budget.last}" if one else f"generations {budget.first} to {budget.last}"
    verdict = "the books balance" if budget.missing < TOLERANCE else f"{budget.missing:.4f} energy is unaccounted for"
    lines = [
        f"{span}: {before:.1f} held + {came:.1f} in = {burnt:.1f} burnt + {after:.1f} held after",
        verdict,
        *(f"not drawn: {amount:.1f} that passed {INSIDE[reason]}" for reason, amount in budget.within.items()),
    ]
    return "<br>".join(lines)


def lorenz(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Lorenz curve: which share of all energy the poorest share of organisms own."""
    shown = last_generation(run, generation)
    held = np.sort(np.maximum(run.life_column("energy", run.rows_of(shown)), 0.0))
    share = np.concatenate([[0.0], np.cumsum(held)]) / max(held.sum(), 1e-12)
    people = np.linspace(0, 1, len(share))
    plot = figure(theme, "poorest share of the organisms", "share of all their energy")
    plot.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": OTHER}, name="all equal", hoverinfo="skip"
    )
    plot.add_scatter(
        x=people,
        y=share,
        mode="lines",
        fill="tozeroy",
        name=f"generation {shown}: Gini {gini(held):.2f}",
        line_color=colour(0),
        hovertemplate="the poorest %{x:.0%} own %{y:.0%} of the energy<extra></extra>",
    )
    plot.update_xaxes(range=[0, 1], tickformat=".0%")
    plot.update_yaxes(range=[0, 1], tickformat=".0%")
    return plot


def energy_gini(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Gini coefficient of the organisms' energy, generation by generation."""
    generations, held = life_generations(run, generation), run.life_column("energy")
    plot = figure(theme, GENERATION, "Gini coefficient (0 to 1)")
    plot.add_scatter(
        x=generations,
        y=[gini(held[run.rows_of(g)]) for g in generations],
        mode="lines",
        line_color=colour(0),
        name="Gini coefficient of energy",
        hovertemplate="generation %{x}: Gini %{y:.3f}<extra></extra>",
    )
    plot.update_yaxes(range=[0, 1])
    return plot


def gini(values: Values) -> float:
    """Gini coefficient of amounts >= 0 (less counts as 0): mean absolute difference over twice the mean.

    By ranks: sum((2 i - n - 1) x_i) / (n sum(x)), x ascending, i from 1. 0 where there is nothing to share.
    """
    ordered = np.sort(np.maximum(values, 0.0))
    number, total = len(ordered), ordered.sum()
    if number == 0 or not total > 0:
        return 0.0
    return float(((2 * np.arange(1, number + 1) - number - 1) * ordered).sum() / (number * total))
