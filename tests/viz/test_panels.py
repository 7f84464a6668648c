"""Every panel draws from a run, explains itself and has named axes."""

import plotly.graph_objects as go
import pytest

from evolora.viz import PANELS, muller
from evolora.viz.panels import GROUPS
from evolora.viz.style import THEMES


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.key)
@pytest.mark.parametrize("theme", THEMES)
def test_a_panel_draws_something_in_both_themes(pretend_run, panel, theme):
    assert panel.available(pretend_run)
    plot = panel.draw(pretend_run, theme=theme)
    assert isinstance(plot, go.Figure) and len(plot.data) > 0


def test_panels_have_different_keys_known_groups_and_one_line_captions():
    assert len({panel.key for panel in PANELS}) == len(PANELS)
    assert all(panel.group in GROUPS for panel in PANELS)
    assert all(panel.caption[-1] in ".?" and "\n" not in panel.caption for panel in PANELS)


def test_muller_shares_sum_to_one(pretend_run):
    plot = muller(pretend_run)
    assert [sum(shares) for shares in zip(*(trace.y for trace in plot.data), strict=True)] == pytest.approx([1.0] * 30)
