"""What all PNG figures share: axes, titles, labels, legends and the file itself."""

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmm_core.reporting.formats import compact
from mmm_core.reporting.palette import GRID, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL_DPI = 80
FILE_DPI = 150
"""Of figures that are files of their own."""
_COLORS = 96


def new_figure(
    width: float,
    height: float,
    rows: int = 1,
    columns: int = 1,
    dates: bool = False,
    fitted: bool = True,
    dpi: int = SMALL_DPI,
) -> "tuple[Figure, Sequence[Axes]]":
    """A figure without any global state, and its axes row by row; `dates` if x is time.

    Margins `fitted` to the labels cost as much as the rest of a small figure.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained" if fitted else None)
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    short = FuncFormatter(lambda value, _: compact(value))
    for axes in cells:
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8, colors=MUTED, length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.yaxis.set_major_formatter(short)
        axes.xaxis.set_major_formatter(short)
        if dates:
            date_axis(axes)
    return figure, list(cells)


def date_axis(axes: "Axes") -> None:
    """Dates along x, as few letters as tell them apart."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def name_axes(axes: "Axes", x: str = "", y: str = "") -> None:
    """What is along x and y, with its unit."""
    axes.set_xlabel(_not_mathematics(x), fontsize=8, color=MUTED)
    axes.set_ylabel(_not_mathematics(y), fontsize=8, color=MUTED)


def png_bytes(figure: "Figure") -> bytes:
    """The figure as PNG with a small palette, a third of the bytes of full colour."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():  # a name in letters that the font lacks is drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(_COLORS)
    buffer = io.BytesIO()
    picture.save(buffer, format="png", compress_level=7)  # 5 % more bytes than the best, a sixth of the time
    return buffer.getvalue()


def title_style() -> dict[str, Any]:
    """How titles look; at a fixed height, as finding a free one takes a third of the time of a small figure."""
    return {"fontsize": 9, "color": INK, "loc": "left", "y": 1.0}


def legend_outside(axes: "Axes") -> None:
    """A legend at the right of the axes, in the order of the stack."""
    axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False, reverse=True, labelcolor=MUTED
    )


def plain_label(text: object) -> str:
    """A label that matplotlib does not read as mathematics, at most 28 characters."""
    label = str(text)
    shortened = label if len(label) <= 28 else f"{label[:27]}…"
    return _not_mathematics(shortened)


def _not_mathematics(text: str) -> str:
    return text.replace("$", r"\$")
