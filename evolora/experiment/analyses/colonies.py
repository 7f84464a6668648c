"""`colonies`: do they form and outlive loners where they can pay, end where they cannot, and get rid of free-riders?

Arms: `cheap` and `costly`, worlds in which passing a task on burns little and more than it can bring (`colonise`);
`turned`, cheap's final community in the costly world (`go_on`); `planted`, a cheat in each of its colonies, with an
honest twin there and a twin left alone (`plant`).
"""

import numpy as np

from evolora.experiment.claims import above, arms_table, exact_books, seldom, with_interval
from evolora.experiment.findings import Claim, Entry, Findings, Table
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results

SELDOM = 0.1  # in fewer than one replicate of ten
FATES = {
    "expelled": "expelled",
    "dissolved": "their colony ended",
    "died": "died of something else",
    "still": "members yet",
}
WHO = ("cheats", "honest", "loners")
MEANS = {
    "lived": "generations lived after planting",
    "colonies_before": "colonies before",
    "colonies_after": "colonies after",
    "pot_after": "energy in all pots after",
}


@analysis("colonies")
def colonies(results: Results) -> Findings:
    """Formation, survival of who joins against matched loners, the end where passing on is dear, the fate of cheats."""
    claims = [*formation(results), *survival(results), *ruin(results), *cheating(results), exact_books(results)]
    return Findings(claims, [worlds_table(results), survival_table(results), fates_table(results)])


def formation(results: Results) -> list[Claim]:
    """Whether there are colonies at all where they can pay."""
    return [
        above(
            "Colonies form and stand where tasks come mixed and passing them on is cheap",
            "colonies alive, mean of the last generations",
            results.values("cheap", "tail.colonies.number"),
        ),
        above(
            "Living colonies gain by passing tasks on, in paired trials on fresh tasks",
            "energy per member and generation, together less alone",
            results.values("cheap", "mean.colonies.gain_per_member"),
        ),
    ]


def survival(results: Results) -> list[Claim]:
    """Who joins a colony against loners of its age and energy at that time; and copies put into one or left alone."""
    note = "matched by generation, age (within 1) and energy before signing; not by skill"
    return [
        above(
            "Who joins a colony outlives loners of the same age and energy",
            "generations lived within the horizon, less the matches'",
            results.values("cheap", "survival.difference"),
            note=note,
        ),
        above(
            "Who signs up (those born into colonies left out) outlives them",
            "generations lived within the horizon, less the matches'",
            results.values("cheap", "survival.difference_signed"),
            note=note,
        ),
        above(
            "A copy of a member that is put into its colony outlives the same copy left alone",
            "generations lived after planting, in the colony less alone",
            results.values("planted", "membership"),
            note="same genome, memories and energy: nobody was chosen",
        ),
    ]


def ruin(results: Results) -> list[Claim]:
    """No colony where passing on costs more than it gains: neither from the start nor when the price rises."""
    quantity = f"share of replicates with a colony in the last generation, below {SELDOM}"
    return [
        seldom(text, quantity, _is_above_0(results.values(arm, "last.colonies.number")), SELDOM)
        for text, arm in (
            ("Where passing on costs more than it gains no colony stands at the end", "costly"),
            ("Colonies that stood end when passing on becomes as dear", "turned"),
        )
    ]


def cheating(results: Results) -> list[Claim]:
    """Planted cheats against honest twins of theirs, planted in the same colonies at the same time."""
    return [
        seldom(
            "A planted free-rider is expelled or its colony ends",
            f"share of replicates in which a cheat is a member yet, below {SELDOM}",
            _is_above_0(results.values("planted", "cheats.share_still")),
            SELDOM,
        ),
        above(
            "Free-riders are out more often than their honest twins",
            "share expelled or left by a colony that ended, cheats less twins",
            results.values("planted", "difference"),
        ),
    ]


def _is_above_0(values: np.ndarray) -> np.ndarray:
    """1 or 0, NaN where the value is."""
    return np.where(np.isnan(values), np.nan, values > 0)


def worlds_table(results: Results) -> Table:
    """What the worlds are like that have whole runs."""
    rows = [
        ("colonies alive, last generations", "tail.colonies.number"),
        ("members' share of the living", "tail.colonies.living_share"),
        ("their share of energy earned", "tail.colonies.energy_share"),
        ("colonies begun in the run", "colony_books.births"),
        ("colonies ended in the run", "colony_books.deaths"),
        ("members expelled in the run", "colony_books.expelled"),
        ("trials of newcomers", "colony_books.trials"),
        ("of them passed", "colony_books.passed"),
        ("gain in paired trials of colonies", "mean.colonies.gain_per_member"),
        ("members' profit, energy a generation", "mean.colonies.member_profit"),
        ("loners' profit", "mean.colonies.loner_profit"),
        ("colonies alive, last generation", "last.colonies.number"),
        ("organisms alive", "tail.num_living"),
        ("mean score", "tail.mean_score"),
    ]
    note = "turned: of the generations since the price rose; planted has no run of its own"
    return arms_table("Worlds", results, rows, note)


def survival_table(results: Results) -> Table:
    """How long members and their matches lived."""
    rows: list[tuple[Entry, ...]] = [
        (words, with_interval(results.values("cheap", f"survival.{key}")))
        for words, key in (
            ("followed for, generations", "horizon"),
            ("who joined and had a match", "joined"),
            ("they lived on for", "members"),
            ("their matches", "loners"),
            ("difference", "difference"),
            ("of them, who signed up and was not born there", "signed"),
            ("difference, of those alone", "difference_signed"),
        )
    ]
    return Table(
        "Members and matched loners", ("a replicate", "mean [95 % interval]"), tuple(rows),
        "a match: a loner in the generation of joining, at most one generation older or younger, among the three "
        "nearest in energy the generation before; of who is born into a colony, all newborn loners",
    )  # fmt: skip


def fates_table(results: Results) -> Table:
    """What became of cheats, of their honest twins, and of the twins that nobody put into a colony."""
    rows: list[tuple[Entry, ...]] = []
    for key, words in {"planted": "planted", **FATES}.items():
        rows.append((words, *(_sum(results, who, key) for who in WHO)))
    for key, words in MEANS.items():
        values = (results.values("planted", f"{who}.{key}") for who in WHO)
        rows.append((words, *map(with_interval, values)))
    return Table(
        "The planted",
        ("", "cheats", "honest twins", "left alone"),
        tuple(rows),
        "counts over all replicates, means with intervals",
    )


def _sum(results: Results, who: str, key: str) -> int | None:
    """Over all replicates; None for what cannot become of those who were left alone."""
    if who == "loners" and key not in ("planted", "died"):
        return None
    return int(np.nansum(results.values("planted", f"{who}.{key}")))
