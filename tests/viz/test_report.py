"""`evolora report`: one file, escaped, complete, and alive in a browser without a network."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from browser import needs_browser, open_page
from synthetic import write_run

from evolora.record.run_data import RunData
from evolora.viz import PANELS
from evolora.viz.report import render

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def run_report(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evolora", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def page(pretend_run) -> str:
    return render([pretend_run])


@pytest.fixture
def evil_folder(tmp_path):
    """A run whose every name is markup."""
    path = write_run(tmp_path / "<b>evil", generations=6, capacity=10, niches=(EVIL, "second"), name=EVIL)
    events = (path / "events.jsonl").read_text()
    (path / "events.jsonl").write_text(
        events.replace('"insolvency"', json.dumps(EVIL)).replace('"clone"', json.dumps(EVIL))
    )
    return path


def figures_of(page: str) -> dict:
    return json.loads(re.search(r'id="figures">(.*?)</script>', page, re.DOTALL).group(1))


def test_the_report_has_every_panel_with_its_caption_the_world_and_the_methods(page, pretend_run):
    figures = figures_of(page)
    for panel in PANELS:
        assert f"run0-{panel.key}" in figures and f'id="run0-{panel.key}"' in page
    assert "inflow: 8.0" in page and "frozen language model smollm2-135m" in page
    assert "balance in all 30 generations" in page and "from seed 1" in page
    assert all(sign in page for sign in ("Energy pressure", "Heredity", "Routing gain"))


def test_nothing_in_the_report_is_loaded_from_elsewhere(page):
    head, _, rest = page.partition("<script>")
    body = rest.partition("</script>")[2]  # after plotly.js, whose maps name addresses that nothing here asks for
    assert not re.search(r"""(src|href|action)\s*=\s*["']?(?!#)[a-z]*:?//""", head + body)
    assert "default-src 'none'" in head


def test_text_from_a_run_folder_is_never_markup(evil_folder):
    page = render([RunData.open(evil_folder)])
    assert "<script>alert" not in page and "<img src=x" not in page and "<b>evil" not in page
    assert "&lt;script&gt;alert(1)" in page
    # in plots, where plotly reads markup, names are escaped once more
    assert EVIL not in json.dumps(figures_of(page)) and "&lt;img" in json.dumps(figures_of(page))


def test_several_runs_come_with_a_table_and_a_plot_of_all(pretend_folder, tmp_path):
    other = write_run(tmp_path / "other", generations=5, capacity=8, seed=2, name="other")
    done = run_report(pretend_folder, other, "-o", tmp_path / "both.html")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "both.html").read_text()
    figures = figures_of(page)
    assert {"runs-mean-score", "run0-muller", "run1-muller"} <= set(figures)
    assert len(figures["runs-mean-score"]["data"]) == 2
    assert "The runs" in page and page.count("The resolved world file") == 2


def test_the_report_of_one_run_lies_in_its_folder_and_says_so(tmp_path):
    path = write_run(tmp_path / "one", generations=3, capacity=6)
    done = run_report(path)
    assert done.returncode == 0 and str(path / "report.html") in done.stdout
    assert (path / "report.html").stat().st_size > 1_000_000


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["RUN", "RUN"], "add -o report.html"),
        (["nowhere"], "expected a run folder"),
        (["RUN", "-o", "nowhere/report.html"], "choose another file with -o"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(pretend_folder, arguments, complaint):
    done = run_report(*(pretend_folder if argument == "RUN" else argument for argument in arguments))
    assert done.returncode == 2 and complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("error: ")


def test_damage_is_told_and_the_rest_reported(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "damaged")
    with (path / "metrics.jsonl").open("a") as file:
        file.write("{broken\n")
    (path / "lives.arrow").unlink()
    done = run_report(path)
    assert done.returncode == 0 and "1 damaged lines" in done.stderr
    assert "run0-muller" not in figures_of((path / "report.html").read_text())


@needs_browser
def test_the_report_draws_every_plot_in_a_browser_without_a_network_or_a_complaint(page, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page)
    seen = open_page(file)
    assert seen.complaints == [] and 'data-theme="light"' in seen.dom
    assert seen.dom.count('class="plot-container') >= len(figures_of(page)) == len(PANELS)


@needs_browser
def test_hostile_names_run_nothing_in_a_dark_browser(evil_folder, tmp_path):
    file = tmp_path / "evil.html"
    file.write_text(render([RunData.open(evil_folder)]))
    seen = open_page(file, "--blink-settings=preferredColorScheme=0")
    assert 'data-theme="dark"' in seen.dom
    assert seen.complaints == [] and "<img" not in seen.dom.replace('<img src="data:', "")
    assert seen.dom.count('class="plot-container') >= 15
