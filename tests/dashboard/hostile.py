"""A run folder that means harm: markup for names, paths for names, broken lines, numbers that are none."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from evolora.record.lives import read_lives

MARKUP = "<img src=x onerror=\"window.hacked='yes'\"><script>window.hacked='yes'</script>"
SCRIPT_ADDRESS = "javascript:window.hacked='yes'"
CLIMBING = "../../../../etc/passwd"
FORMULA = '=HYPERLINK("http://evil.example","click")'


def make_hostile(good: Path, folder: Path) -> Path:
    """A copy of a good run in which every text is an attack and many lines are broken."""
    shutil.copytree(good, folder)
    lives = read_lives(good / "lives.arrow")  # mapped: never the file that is written next
    niches = [MARKUP, CLIMBING, SCRIPT_ADDRESS, FORMULA]
    names = json.loads((lives.schema.metadata or {})[b"niches"])
    renamed = dict(zip(names, niches, strict=False))
    with (
        (folder / "lives.arrow").open("wb") as file,
        pa.ipc.new_stream(file, with_niches(lives.schema, renamed)) as out,
    ):
        out.write_table(lives.replace_schema_metadata(with_niches(lives.schema, renamed).metadata))
    for path in folder.glob("encounters/*.parquet"):
        table = pq.read_table(path)
        for column in ("question", "text", "reason", "niche"):
            table = table.set_column(table.column_names.index(column), column, pa.array([MARKUP] * len(table)))
        pq.write_table(table, path)
    (folder / "metrics.jsonl").write_text("".join(spoil(line, renamed) for line in (folder / "metrics.jsonl").open()))
    (folder / "events.jsonl").write_text("".join(spoil_event(line) for line in (folder / "events.jsonl").open()))
    (folder / "timing.jsonl").write_text('{"generation": 3, "seconds": "<b>"}\n{"generation": 4, "seconds": NaN}\n[]\n')
    world = yaml.safe_load((folder / "world.yaml").read_text())
    world["name"] = MARKUP
    (folder / "world.yaml").write_text(yaml.safe_dump(world))
    (folder / "run.json").write_text(json.dumps({"name": MARKUP, "host": MARKUP, "seed": CLIMBING, "elites": []}))
    return folder


def with_niches(schema: pa.Schema, renamed: dict[str, str]) -> pa.Schema:
    names = [renamed.get(name, name) for name in json.loads((schema.metadata or {})[b"niches"])]
    return schema.with_metadata({b"niches": json.dumps(names)})


def spoil(line: str, renamed: dict[str, str]) -> str:
    """A row of metrics with hostile names and values, between lines that are no rows."""
    row = json.loads(line)
    for key in ("niche_scores", "niche_visitors", "niche_stocks"):
        row[key] = {renamed.get(name, name): value for name, value in row[key].items()}
    row["births"] = {**row["births"], MARKUP: 3, "__proto__": 1}
    row["deaths"] = {**row["deaths"], MARKUP: 2, "constructor": MARKUP}
    row["best"] = [{**one, "niche": MARKUP, "kind": MARKUP} for one in row["best"]]
    if row["generation"] % 3 == 0:
        row |= {"mean_score": MARKUP, "energy": MARKUP, "num_tokens": 10**400}
    broken = '{"generation": \n\x00\x01\n[[[[\n{"generation": -1}\n{"generation": "<b>"}\n\n'
    return json.dumps(row) + "\n" + (broken if row["generation"] % 4 == 0 else "")


def spoil_event(line: str) -> str:
    event = json.loads(line)
    if event["event"] == "birth":
        event |= {"kind": MARKUP if event["organism_id"] % 3 else event["kind"], "operator": MARKUP}
    if event["event"] == "death":
        event |= {"cause": MARKUP if event["organism_id"] % 2 else "constructor", "heir": CLIMBING}
    return json.dumps(event) + "\n" + ('{"event": "birth"}\nnonsense\n' if event["generation"] % 5 == 0 else "")
