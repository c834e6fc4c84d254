"""What a configuration says about geos that are left out is dropped; the rest stays."""

from mmm_core.config.schema import Config
from mmm_core.config.without_geos import without_geos

_CONFIG = Config.model_validate(
    {
        "project": {"name": "p"},
        "optimization": {
            "allocation": "geo_channel",
            "platform_constraints": {
                "geos": {"A": {"max_spend": 1}, "B": {"max_spend": 2}},
                "fixed": ["tv", "tv@A", "tv@B"],
            },
            "scenarios": {
                "one": {"constraints": {"geos": {"A": {"min_spend": 1}}}},
                "two": {"objective": "profit"},
            },
        },
        "attribution": {
            "counterfactuals": {
                "both": {"geos": ["A", "B"]},
                "only": {"geos": ["A"]},
                "everywhere": {"channels": ["tv"]},
            }
        },
    }
)


def test_limits_and_questions_about_the_geo_are_gone_and_others_stay() -> None:
    left = without_geos(_CONFIG, {"A"})
    limits = left.optimization.platform_constraints
    assert set(limits.geos) == {"B"}
    assert limits.fixed == ("tv", "tv@B")
    constraints = left.optimization.scenarios["one"].constraints
    assert constraints is not None
    assert not constraints.geos
    assert left.optimization.scenarios["two"] == _CONFIG.optimization.scenarios["two"]
    questions = left.attribution.counterfactuals
    assert set(questions) == {"both", "everywhere"}
    assert questions["both"].geos == ("B",)


def test_without_geos_to_leave_out_it_is_the_same() -> None:
    assert without_geos(_CONFIG, ()) is _CONFIG
