"""Marketing mix modeling as a library: data, model, gates, attribution, budgets, reports.

This package never imports Dagster; `mmm_assets` is the thin layer that turns it into an asset graph.
Sub-packages may import only what stands above them in `docs/architecture.md`.
"""

__version__ = "0.1.0"
