import base64
import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.fitted import fit_table
from mmm_core.attribution.returns import channel_summary
from mmm_core.reporting import figures
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.reporting.frames import made_up_inputs

LIMIT = 60_000


def assert_picture(png: bytes) -> None:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) < LIMIT
    with Image.open(io.BytesIO(png)) as picture:
        picture.verify()
        assert 150 < picture.width < 1600
        assert 60 < picture.height < 1200


@pytest.mark.parametrize(("n_geos", "n_weeks", "n_channels"), [(1, 4, 1), (8, 104, 5), (3, 208, 16)])
def test_pictures_are_small_whatever_the_size_of_the_problem(n_geos: int, n_weeks: int, n_channels: int) -> None:
    inputs = made_up_inputs(n_geos, n_weeks, tuple(f"channel_{m}" for m in range(n_channels)))
    assert_picture(figures.contribution_area(inputs.contributions))
    assert_picture(figures.roi_intervals(inputs.channel_summary))
    assert_picture(figures.response_curve_grid(inputs.pooled_curves))
    assert_picture(figures.fit_lines(inputs.fit))
    assert_picture(figures.budget_bars(inputs.budget_plan))


def test_the_preview_takes_raw_panels_with_text_and_gaps() -> None:
    panel = pd.DataFrame(
        {
            "geo": "Geo0",
            "date": [*pd.date_range("2023-01-02", periods=5, freq="7D"), pd.NaT],
            "kpi": ["1", "n/a", 3.0, None, 5, 6],
            "spend__tv": [1.0, 2.0, "x", 4.0, np.nan, 6.0],
            "spend__radio": range(6),
        }
    )
    assert_picture(figures.kpi_spend_preview(panel))
    assert_picture(figures.kpi_spend_preview(panel.head(1)))


def test_gaps_and_organic_media_are_drawn_too() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    assert_picture(figures.contribution_area(contribution_table(posterior)))
    assert_picture(figures.fit_lines(fit_table(posterior)))
    assert_picture(figures.roi_intervals(channel_summary(posterior)))


def test_names_that_look_like_mathematics_are_plain_text() -> None:
    inputs = made_up_inputs(1, 10, ("$\\frac{", "a_b^c", "<tag>"))
    assert_picture(figures.roi_intervals(inputs.channel_summary))
    assert_picture(figures.budget_bars(inputs.budget_plan))
    assert_picture(figures.response_curve_grid(inputs.pooled_curves))
    assert_picture(figures.contribution_area(inputs.contributions))


def test_nothing_to_show_gives_an_empty_picture() -> None:
    inputs = made_up_inputs(1, 10)
    assert_picture(figures.budget_bars(inputs.budget_plan.head(0)))


def test_markdown_holds_the_picture_itself() -> None:
    text = figures.png_markdown(b"\x89PNG")
    assert text.startswith("![](data:image/png;base64,")
    assert base64.b64decode(text.removeprefix("![](data:image/png;base64,").removesuffix(")")) == b"\x89PNG"


def test_importing_the_reports_loads_no_heavy_library() -> None:
    code = (
        "import sys, mmm_core.reporting.figures, mmm_core.reporting.html, mmm_core.reporting.terminal, "
        "mmm_core.reporting.exports, mmm_core.reporting.dashboard.dashboard, mmm_core.reporting.outputs.outputs; "
        "heavy = ('matplotlib', 'PIL', 'plotly', 'jinja2', 'rich', 'arviz', 'pymc', 'jax', 'meridian'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
