import numpy as np
import pandas as pd
import pytest

from mmm_core.config.features import CreativeFatigueConfig
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.fatigue import age_terms, discounted_media

CLEAN = pd.DataFrame(
    {
        "geo": "a",
        "spend__tv": [10.0, 20.0, 30.0],
        "media__tv": [100.0, 200.0, 300.0],
        "spend__search": [1.0, 2.0, 4.0],
        "spend__video": [1.0, 1.0, 1.0],
        "reach__video": [8.0, 8.0, 8.0],
        "frequency__video": [2.0, 2.0, 2.0],
        "age__tv": [0.0, 14.0, 28.0],
        "age__search": [14.0, 0.0, 7.0],
        "age__video": [0.0, 0.0, 14.0],
    }
)


def fatigue(*channels: str, **settings: object) -> CreativeFatigueConfig:
    columns = dict.fromkeys(channels, "age")
    values = {"enabled": True, "age_cols": columns, "half_life_weeks": 2.0} | settings
    return CreativeFatigueConfig.model_validate(values)


def test_media_count_half_at_each_half_life_and_spend_stays() -> None:
    found, notes = discounted_media(CLEAN, fatigue("tv", "search", "video"))
    assert list(found) == ["media__tv", "media__search", "reach__video"]
    np.testing.assert_allclose(found["media__tv"], [100, 100, 75])
    np.testing.assert_allclose(found["media__search"], [0.5, 2, 4 * 0.5**0.5])
    np.testing.assert_allclose(found["reach__video"], [8, 8, 4])
    assert len(notes) == 3
    assert "Media of tv in geo a were discounted" in notes[0]
    assert "600 units count as 275" in notes[0]


def test_age_is_a_control_where_it_is_asked_for() -> None:
    settings = fatigue("tv", channels_as="control")
    assert discounted_media(CLEAN, settings) == ({}, ())
    found = age_terms(CLEAN, settings)
    assert {name: values.tolist() for name, values in found.items()} == {"term__creative_age_tv": [0, 14, 28]}
    assert age_terms(CLEAN, fatigue("tv")) == {}


def test_nothing_happens_unless_enabled() -> None:
    assert discounted_media(CLEAN, fatigue("tv", enabled=False)) == ({}, ())
    assert age_terms(CLEAN, fatigue("tv", enabled=False, channels_as="control")) == {}


def test_missing_age_or_channel_is_refused_by_key() -> None:
    with pytest.raises(DataError, match=r"geo a has no creative age of radio .*age_cols\.radio"):
        discounted_media(CLEAN, fatigue("radio"))
    with pytest.raises(ConfigError, match="no channel is named 'radio'"):
        discounted_media(CLEAN.assign(age__radio=1.0), fatigue("radio"))
