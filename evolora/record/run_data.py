"""A run's folder, read: whatever is in it, however large or damaged, running or finished. Nothing is ever written."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

from evolora.errors import RunFolderError
from evolora.record.event_log import ByOrganism, EventLog
from evolora.record.lives_tail import PER_NICHE, LivesTail
from evolora.record.row_log import RowLog
from evolora.record.run_dir import BARE_HOST, EVENTS, LIVES, METRICS, PORTFOLIO, TIMING
from evolora.record.tail import FileState, file_inside, file_state

Row = dict[str, Any]
Rows = slice | NDArray[np.int64]
LARGEST_SETTINGS = 1 << 18  # bytes of world.yaml or run.json that are read
HOLDOUT = "holdout.json"  # held-out scores
REPLACED = ("run.json", "world.yaml", BARE_HOST, HOLDOUT)  # written whole, some of them after the run's end
MOST_ANSWERS = 200_000  # rows of one generation's answers that are read
TRAITS = ("rank", "mutation_scale", "learning_rate", "temperature", "answer_limit", "num_examples")


class RunData:
    """One run as its folder tells it. `open` makes one, `refresh` brings it up to date, reading only what is new.

    Lines and files that are damaged are passed over: `num_broken` counts lines, `problems` names files. Of a run so
    long that it would not fit in memory an even selection of generations is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self._states: list[FileState | None] = []
        self._read_replaced()
        self._start()

    @classmethod
    def open(cls, path: Path) -> "RunData":
        """The run in a folder; files may be missing, but not all of them.

        Raises:
            RunFolderError: the path is no folder of a run.
        """
        if not any(file_inside(path, name) for name in ("run.json", "world.yaml", METRICS)):
            raise RunFolderError(
                f"{path}: expected a run folder, got none (run.json, world.yaml, {METRICS} not there); "
                "give the folder that `evolora simulate` printed"
            )
        return cls(path)

    @property
    def name(self) -> str:
        """The name of the world, as the run recorded it."""
        return str(self.run.get("name") or self.world.get("name") or self.path.name)

    @property
    def seed(self) -> int:
        """What everything random in the run follows from; 0 where the folder does not say."""
        seed = self.run.get("seed", self.world.get("seed", 0))
        return seed if type(seed) is int and seed >= 0 else 0

    @property
    def niches(self) -> list[str]:
        """Names of the niches, in the world's order, which is that of the per-niche columns of `lives`."""
        names = self._lives.niches()
        if names:
            return names
        listed = self.world.get("niches")
        entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        return [str(entry.get("name") or entry.get("family") or "?").replace(":", "_") for entry in entries]

    def refresh(self) -> bool:
        """Take in what was written since; True if a generation is new, if the logs were cut and written again, or if a
        file that is written whole is another one: whoever resumes a run for longer changes its world.yaml."""
        replaced = self._read_replaced()
        if any(log.was_rewritten() for log in self._logs):
            self._start()
            return True
        new = [log.read() for log in self._logs]
        if replaced or any(new):
            self._forget()
        return replaced or new[0]

    @property
    def metrics(self) -> list[Row]:
        """A row a generation: `GenerationReport.to_row`."""
        return self._metrics.rows

    @property
    def timing(self) -> list[Row]:
        """A row a generation: seconds and tokens."""
        return self._timing.rows

    @property
    def exams(self) -> list[Row]:
        """A row an exam on held-out tasks (`evolora.exams.Exams.hold`); none where the world holds none."""
        return self._exams.rows

    @property
    def generations(self) -> list[int]:
        """The generations that have a row of metrics."""
        return [row["generation"] for row in self._metrics.rows]

    @property
    def num_broken(self) -> int:
        """Lines of the logs that were passed over because they are damaged."""
        return sum(log.num_broken for log in (self._metrics, self._timing, self._exams, self._events))

    @property
    def is_thinned(self) -> bool:
        """Whether the run is so long that only a selection of its generations is kept."""
        return max(self._metrics.stride, self._lives.stride) > 1

    def metrics_of(self, generation: int | None) -> Row:
        """The row of a generation, of the last before it if it has none; of the last of all for None; or empty."""
        rows = [row for row in self.metrics if generation is None or row["generation"] <= generation]
        return rows[-1] if rows else {}

    def events(self, kind: str | None = None, generation: int | None = None) -> list[Row]:
        """Events in the order they happened: all, of a kind (birth, death, merge, ...), of a generation."""
        return self._events.rows(kind, generation)

    @property
    def event_table(self) -> pa.Table:
        """Births, deaths and merges as columns (`event_log.SCHEMA`): for whoever counts them."""
        return self._events.table

    @property
    def other_events(self) -> list[Row]:
        """Events of other kinds, as rows: the latest hundred thousand."""
        return self._events.others

    @cached_property
    def birth_table(self) -> pa.Table:
        """The births of `event_table`, in the order they happened."""
        return self._events.table.filter(pc.equal(self._events.table["event"], "birth"))

    @cached_property
    def death_table(self) -> pa.Table:
        """The deaths of `event_table`, in the order they happened."""
        return self._events.table.filter(pc.equal(self._events.table["event"], "death"))

    @cached_property
    def births(self) -> Mapping[int, Row]:
        """The birth of an organism, by its id."""
        return ByOrganism(self.birth_table)

    @cached_property
    def deaths(self) -> Mapping[int, Row]:
        """The death of an organism, by its id; the living have none."""
        return ByOrganism(self.death_table)

    @property
    def bare_host(self) -> Row:
        """What the host scores by itself (`evolora.bare_host.BareHost`); empty where the run did not ask it."""
        return self._read_settings(BARE_HOST, json.loads, needed=False)

    @property
    def holdout(self) -> Row:
        """Held-out scores, as `evolora evaluate` left them in holdout.json; empty where it has not."""
        return self._read_settings(HOLDOUT, json.loads, needed=False)

    @cached_property
    def lives(self) -> pa.Table:
        """A row per organism and generation, ordered by generation (`evolora.events.Life`)."""
        table = self._lives.table()
        generations = table["generation"].to_numpy()
        return table if np.all(generations[1:] >= generations[:-1]) else table.sort_by("generation")

    def life_column(self, name: str, rows: Rows | None = None) -> NDArray[Any]:
        """A column of `lives`: (lives,), or (lives, niches) for answers, scores, tokens and meals; not to be changed.

        Given `rows`, a slice (`rows_of`) or places, only those, at the cost of those. A column that the run does not
        have is all NaN.
        """
        if rows is not None and name not in self._columns:
            some = self.lives[rows] if isinstance(rows, slice) else self.lives.take(pa.array(rows))
            return _to_array(some, name, len(self.niches))
        if name not in self._columns:
            self._columns[name] = _to_array(self.lives, name, len(self.niches))
        column = self._columns[name]
        return column if rows is None else column[rows]

    def rows_of(self, generation: int) -> slice:
        """Where the lives of a generation stand in `lives` and its columns."""
        generations = self.life_column("generation")
        start, stop = np.searchsorted(generations, [generation, generation + 1])
        return slice(int(start), int(stop))

    def answers(self, generation: int, organism_id: int | None = None) -> list[Row]:
        """Every answer of a generation, or one organism's: question, text, score, reason, tokens."""
        path = file_inside(self.path, f"encounters/generation-{int(generation):06d}.parquet")
        if path is None:
            return []
        try:
            with pq.ParquetFile(path) as file:
                if file.metadata.num_rows > MOST_ANSWERS:
                    raise ValueError(f"{file.metadata.num_rows} answers")
                table = file.read(use_threads=False)
            if organism_id is not None:
                table = table.filter(pc.field("organism_id") == organism_id)
            rows: list[Row] = table.to_pylist()
        except (pa.ArrowException, OSError, ValueError) as error:
            self._note(f"encounters/{path.name}: expected a generation's answers, got {error}")
            return []
        return rows

    def organism(self, organism_id: int) -> Row | None:
        """Everything about one organism, or None if nobody of that id was born.

        `birth`, `death` (None while it lives), `parents`, `children` (ids), `lives` (its rows of the table, by
        generation), `traits` (its last), `answers` (its last generation's, with questions and scores).
        """
        birth = self.births.get(organism_id)
        if birth is None:
            return None
        lives = self.lives.take(np.flatnonzero(self.life_column("organism_id") == organism_id)).to_pylist()
        last = lives[-1] if lives else {}
        return {
            "id": organism_id,
            "birth": birth,
            "death": self.deaths.get(organism_id),
            "parents": birth["parents"],
            "children": self.children_of(organism_id),
            "lives": lives,
            "traits": {name: last[name] for name in TRAITS if name in last},
            "answers": self.answers(last["generation"], organism_id) if last else [],
        }

    def children_of(self, organism_id: int) -> list[int]:
        """Ids of an organism's children, in the order of their births."""
        children, parents = self.parenthood
        return [int(child) for child in children[parents == organism_id]]

    @cached_property
    def parenthood(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(children, parents): a pair of ids for every parent of every birth, in the order of births."""
        births = self.birth_table
        places = pc.list_parent_indices(births["parents"]).to_numpy()
        return births["organism_id"].to_numpy()[places], pc.list_flatten(births["parents"]).to_numpy()

    def _start(self) -> None:
        self._metrics = RowLog(self.path, METRICS)
        self._timing = RowLog(self.path, TIMING)
        self._exams = RowLog(self.path, PORTFOLIO)
        self._events = EventLog(self.path, EVENTS)
        self._lives = LivesTail(self.path, LIVES)
        # metrics first: a row of metrics means that the rest of its generation is there
        self._logs: tuple[_Log, ...] = (self._metrics, self._timing, self._exams, self._events, self._lives)
        for log in self._logs:
            log.read()
        self._forget()

    def _forget(self) -> None:
        """Drop what was computed from the logs as they were."""
        for name in ("birth_table", "death_table", "births", "deaths", "lives", "parenthood"):
            self.__dict__.pop(name, None)
        self._columns: dict[str, NDArray[Any]] = {}
        if self._lives.problem is not None:
            self._note(self._lives.problem)

    def _read_replaced(self) -> bool:
        """Read run.json and world.yaml where a file of `REPLACED` is not as it was; whether one was not."""
        states = [file_state(self.path, name) for name in REPLACED]
        if states == self._states:
            return False
        self._states = states
        self.run = self._read_settings("run.json", json.loads)
        self.world = self._read_settings("world.yaml", _load_yaml)
        return True

    def _read_settings(self, name: str, parse: Any, needed: bool = True) -> Row:
        path = file_inside(self.path, name)
        if path is None:
            if needed:
                self._note(f"{name}: not there")
            return {}
        try:
            if path.stat().st_size > LARGEST_SETTINGS:
                raise ValueError(f"{path.stat().st_size} bytes")
            settings = parse(path.read_text(encoding="utf-8"))
            if not isinstance(settings, dict):
                raise ValueError(type(settings).__name__)
        except (ValueError, RecursionError, yaml.YAMLError, OSError) as error:
            self._note(f"{name}: expected settings, got {str(error).splitlines()[0]}")
            return {}
        return settings

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _to_array(table: pa.Table, name: str, width: int) -> NDArray[Any]:
    """A column as numbers, (rows,) or (rows, width) for those with an entry a niche; NaN where there is none."""
    is_there = name in table.column_names and len(table) > 0
    if name not in PER_NICHE:
        return np.asarray(table[name].to_numpy()) if is_there else np.full(len(table), np.nan)
    flat = pc.list_flatten(table[name]).to_numpy() if is_there else np.array([])
    # a damaged table may hold lists that are null: then the column is of no use
    whole = flat.size == len(table) * width
    return np.asarray(flat.reshape(len(table), width)) if whole else np.full((len(table), width), np.nan)


class _Log(Protocol):
    """A file that is read as it grows."""

    def was_rewritten(self) -> bool: ...

    def read(self) -> bool: ...


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases: a few of them can stand for more text than any memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_PlainLoader)
