"""Names are checked before anything is fitted."""

import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import BudgetError
from mmm_core.optimization.names import check_names, require_names

_CHANNELS, _GEOS = ("tv", "search", "radio"), ("north", "south")


def _config(**sections: object) -> Config:
    return Config.model_validate(sections)


_LIMITS = {
    "channels": {"tvv": {"min_spend": 1.0}},
    "geos": {"nort": {"min_share": 0.1}},
    "groups": {"loud": {"channels": ["tv", "print"]}},
    "fixed": ["tv", "tv@north", "tv@west", "raido@south", "cinema"],
}


def test_every_unknown_name_is_found_with_its_key() -> None:
    config = _config(
        optimization={
            "platform_constraints": _LIMITS,
            "scenarios": {"own": {"constraints": {"channels": {"serach": {}}}}, "plain": {}},
            "future": {"weeks": 4, "cost_changes": {"tv": 0.1, "tele": 0.1}},
            "audience_overlap": [{"channels": ["tv", "cinemo"], "share": 0.1}],
            "creative_fatigue": {"radio": 1.0, "podcast": 1.0},
        },
        attribution={"counterfactuals": {"q": {"channels": ["newsletter", "blog"], "geos": ["sout", "north"]}}},
    )
    found = check_names(config, _CHANNELS, _GEOS, ("newsletter",))
    limits = ("optimization", "platform_constraints")
    assert [problem.path for problem in found] == [
        (*limits, "channels", "tvv"),
        (*limits, "geos", "nort"),
        (*limits, "groups", "loud", "channels", 1),
        (*limits, "fixed", 2),
        (*limits, "fixed", 3),
        (*limits, "fixed", 4),
        ("optimization", "scenarios", "own", "constraints", "channels", "serach"),
        ("optimization", "future", "cost_changes", "tele"),
        ("optimization", "audience_overlap", 0, "channels", 1),
        ("optimization", "creative_fatigue", "podcast"),
        ("attribution", "counterfactuals", "q", "channels", 1),
        ("attribution", "counterfactuals", "q", "geos", 0),
    ]
    assert (
        "no paid channel of the data has that name; known: tv, search, radio. Did you mean tv?" in found[0].message
    )
    assert "no geo of the data has that name; known: north, south. Did you mean north?" in found[1].message
    assert found[3].message.startswith("received west, but no geo")


def test_known_names_pass() -> None:
    assert not check_names(_config(), _CHANNELS, _GEOS)
    config = _config(optimization={"platform_constraints": {"fixed": ["tv@south"], "channels": {"radio": {}}}})
    require_names(config, _CHANNELS, _GEOS)


def test_a_refusal_names_every_key() -> None:
    with pytest.raises(BudgetError) as error:
        require_names(_config(optimization={"platform_constraints": _LIMITS}), _CHANNELS, _GEOS)
    lines = str(error.value).splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("optimization.platform_constraints.channels.tvv: received tvv")
