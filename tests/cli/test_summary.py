"""What a finished command says of the geos."""

from mmm_assets.commands.summary import made_and_kept
from mmm_assets.execution import Outcome

READ = ("raw_panel", "validation_report")
BEHIND = ("clean_panel", "features")


def pairs(assets: tuple[str, ...], *geos: str) -> list[tuple[str, str | None]]:
    return [(asset, geo) for asset in assets for geo in geos]


def test_geos_whose_rows_are_only_read_again_are_up_to_date() -> None:
    made = pairs(READ, "A", "B") + pairs(BEHIND, "B")
    assert made_and_kept(Outcome(made=made, kept=pairs(BEHIND, "A"))) == ({"B"}, {"A"})


def test_where_only_rows_are_wanted_reading_them_counts() -> None:
    outcome = Outcome(made=pairs(READ, "A"), kept=[*pairs(READ, "B"), ("source_snapshot", None)])
    assert made_and_kept(outcome) == ({"A"}, {"B"})


def test_a_geo_that_is_left_out_is_neither() -> None:
    outcome = Outcome(made=pairs((*READ, *BEHIND), "A", "B"), excluded={"B": "its rows"})
    assert made_and_kept(outcome) == ({"A"}, set())
