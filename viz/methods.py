"""The methods paragraph: what a run's world is and how it was measured, in words, from the resolved world."""

from typing import Any

from evolora.record.run_data import RunData
from evolora.viz.exams import exams_of
from evolora.viz.niche_scores import bare_host_scores
from evolora.viz.series import pick
from evolora.viz.signs import SHUFFLES, SURE

LEARNING = {  # learning.method, in words
    "reinforce": "from their own scored answers by a policy gradient relative to the mean of each task's answers",
    "imitate_self": "from the best of their own scored answers by cross-entropy",
    "imitate": "from the tasks' reference answers, which they were shown, by cross-entropy",
    "evolution": "by an evolution strategy: they tried their generation again with noise on their weights and stepped "
    "to where that had paid",
}


def methods(run: RunData) -> list[str]:
    """Paragraphs in plain text; a sentence whose settings the folder does not hold is left out."""
    return [" ".join(sentence for sentence in part if sentence) for part in (_host(run), _living(run), _measures(run))]


def setting(run: RunData, *keys: str) -> Any:
    """A setting of the resolved world, None where it is not there."""
    value: Any = run.world
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _say(sentence: str, *values: Any) -> str:
    """The sentence with its values filled in, or nothing if one is missing."""
    return "" if any(value is None for value in values) else sentence.format(*values)


def _names(table: Any) -> str | None:
    if isinstance(table, dict):
        return ", ".join(str(name).replace("_", " ") for name, weight in table.items() if weight) or None
    return ", ".join(str(name) for name in table) if isinstance(table, list) else None


def _host(run: RunData) -> list[str]:
    return [
        _say(
            "The host is the frozen language model {}, which all organisms share and which never changes.",
            setting(run, "host", "name"),
        ),
        _say("It ran as {} on {}.", run.run.get("dtype"), run.run.get("device")),
        _say(
            "An organism is a LoRA adapter, low-rank changes to {} (layers: {}), with heritable traits: rank, size of "
            "mutations, learning rate, sampling temperature, longest answer and number of worked examples.",
            _names(setting(run, "genome", "modules")),
            str(setting(run, "genome", "layers")).replace("_", " "),
        ),
        _say(
            "The run began with {} founders of {} energy each and had room for {}.",
            setting(run, "population", "founders"),
            setting(run, "population", "founder_energy"),
            setting(run, "population", "capacity"),
        ),
        _say("Everything random follows from seed {}.", run.seed),
        _bare_host(run),
    ]


def _bare_host(run: RunData) -> str:
    scores = bare_host_scores(run)
    tasks = [tasks for by_niche in scores.values() for _, tasks in by_niche.values()]
    if not tasks:
        return ""
    counts = str(min(tasks)) if min(tasks) == max(tasks) else f"{min(tasks)} to {max(tasks)}"
    return (
        f"Before the first generation the bare host answered {counts} held-out tasks of every niche once, greedily and "
        f"at no price, with {' and with '.join(map(str, scores))} worked examples in its prompt; the organisms' own "
        "scores are of the tasks they lived on, sampled at their own temperature."
    )


def _living(run: RunData) -> list[str]:
    neutral = setting(run, "selection") == "neutral"
    return [
        _say(
            "In each generation an organism meets {} tasks in niches of its choice and samples {} answers to each. "
            "A right answer earns the niche's price, as far as the niche's stock of energy lasts.",
            setting(run, "encounters", "visits"),
            setting(run, "encounters", "answers_per_task"),
        ),
        _say(
            "It pays {} energy for a prompt token, {} for a generated one and {} to live a generation.",
            setting(run, "energy", "cost_per_prompt_token"),
            setting(run, "energy", "cost_per_generated_token"),
            setting(run, "energy", "upkeep"),
        ),
        "Each generation chance dealt out among the living all that they own and owe: there is no selection by merit."
        if neutral
        else "",
        "An organism that cannot pay dies." if setting(run, "death", "insolvency") else "",
        _say("At capacity the {} makes room for a birth.", _crowding(run)),
        _say("None lives longer than {} generations.", setting(run, "death", "max_age")),
        _births(run),
        _learning(run),
    ]


def _crowding(run: RunData) -> str | None:
    crowding = setting(run, "death", "crowding")
    return {"poorest": "poorest", "oldest": "oldest", "random": "unlucky"}.get(str(crowding))


def _births(run: RunData) -> str:
    if setting(run, "reproduction", "enabled") is False:
        return "There were no births."
    return _say(
        "An organism with more than {} energy reproduces and gives its child {}: with probability {} it merges with a "
        "partner ({}), otherwise the child is a copy with mutated weights ({}).",
        setting(run, "reproduction", "threshold"),
        setting(run, "reproduction", "endowment"),
        setting(run, "reproduction", "merge_prob"),
        _names(setting(run, "reproduction", "merging")),
        _names(setting(run, "reproduction", "mutation")),
    )


def _learning(run: RunData) -> str:
    method = setting(run, "learning", "method")
    if method == "none":
        return "Organisms did not learn."
    if not isinstance(method, str) or method not in LEARNING:
        return ""
    inherited = setting(run, "learning", "inheritance") == "lamarckian"
    return (
        f"Organisms that could pay for it learnt {LEARNING[method]}; what is learnt is "
        f"{'' if inherited else 'not '}inherited."
    )


def _measures(run: RunData) -> list[str]:
    residuals = pick(run.metrics, "residual")
    wrong = sum(residual != 0 for residual in residuals)
    books = f"balance in all {len(residuals)} generations" if not wrong else f"do not balance in {wrong} generations"
    versions = run.run.get("versions")
    return [
        "Scores are between 0 and 1; a mean score is over all answers of a generation, the tasks of living included, "
        "and is no held-out score.",
        _exams(run),
        "1 energy is a full-score answer at base price; energies are those after meals and charges, before deaths and "
        "births, except the population's totals, which are those at the end of a generation.",
        f"Energy is kept in double-entry books in whole micro-units; the books {books}." if residuals else "",
        f"Signs of life are held against {SHUFFLES} seeded shuffles each, and are seen where fewer than {SURE:.0%} "
        "of these do as well; no correction is made for looking at several.",
        "Bands are quantiles of the organisms alive; a long run is drawn through evenly chosen generations.",
        _say("Versions: {}.", _versions(versions)),
        f"{run.num_broken} damaged lines of the logs were passed over." if run.num_broken else "",
        f"The folder is damaged: {'; '.join(run.problems)}." if run.problems else "",
    ]


def _exams(run: RunData) -> str:
    if not exams_of(run):
        return ""
    return _say(
        "Every {} generations the living sat an exam at no price, on tasks nobody lived on: at most {} of them "
        "answered {} selection tasks of every niche greedily, {} were kept by greedy coverage, and a ridge regression "
        "on the frozen host's embedding of the bare question learnt whom to ask. {} other tasks of every niche scored "
        "the team so routed, its best member by selection score, the best of its answers and the bare host.",
        setting(run, "record", "portfolio_every"),
        *(setting(run, "record", "portfolio", key) for key in ("candidates", "selection_tasks", "size")),
        setting(run, "record", "portfolio", "held_out_tasks"),
    )


def _versions(versions: Any) -> str | None:
    if not isinstance(versions, dict):
        return None
    return ", ".join(f"{name} {version}" for name, version in versions.items())
