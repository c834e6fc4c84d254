"""What is taken from the fit's own weeks where nothing is said about coming ones."""

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray, ModelData

WEEKS_PER_YEAR = 52


def weeks_before(n_history: int, n_weeks: int) -> NDArray[np.intp] | None:
    """(T',) position of the same week one year (52 weeks) before, or as many years as lead into the history.

    Args:
        n_history: weeks of the fit.
        n_weeks: coming weeks, the first of them right after the fit's last.

    Returns:
        None where the fit has less than a year.
    """
    if n_history < WEEKS_PER_YEAR:
        return None
    return n_history - WEEKS_PER_YEAR + np.arange(n_weeks) % WEEKS_PER_YEAR


def as_a_year_before(values: FloatArray, present: NDArray[np.bool_], n_weeks: int) -> FloatArray:
    """(G, T', ...) values of the same weeks a year before.

    A week in which the geo was not there, and every week where the fit has less than a year, gets the mean over
    the geo's own weeks.

    Args:
        values: (G, T, ...) of the fit.
        present: (G, T).
        n_weeks: T'.
    """
    trailing = (1,) * (values.ndim - 2)
    there = present.reshape(*present.shape, *trailing)
    count = present.sum(axis=1).reshape(-1, *trailing)
    mean = np.where(there, values, 0.0).sum(axis=1) / count
    usual = np.repeat(mean[:, None], n_weeks, axis=1)
    before = weeks_before(present.shape[1], n_weeks)
    return usual if before is None else np.where(there[:, before], values[:, before], usual)


def last_known(values: FloatArray, present: NDArray[np.bool_]) -> FloatArray:
    """(G,) value of each geo's last present week, from (G, T)."""
    last = present.shape[1] - 1 - np.argmax(present[:, ::-1], axis=1)
    return np.asarray(values[np.arange(len(values)), last])


def unit_cost(spend: FloatArray, media: FloatArray) -> FloatArray:
    """(G, M) money per media unit over the weeks of (G, T, M) spend and media; over all geos where the geo had no
    media or paid nothing for it, 1 where that is so in all geos."""
    money, units = spend.sum(axis=1), media.sum(axis=1)
    paid = (money > 0) & (units > 0)
    all_money, all_units = np.where(paid, money, 0.0).sum(axis=0), np.where(paid, units, 0.0).sum(axis=0)
    everywhere = np.divide(all_money, all_units, out=np.ones(len(all_money)), where=all_units > 0)
    return np.asarray(np.divide(money, units, out=np.broadcast_to(everywhere, money.shape).copy(), where=paid))


def usual_frequency(data: ModelData) -> FloatArray:
    """(G, M) mean frequency of the reached; over all geos where the geo had no reach, 1 without any."""
    if data.frequency is None:
        return np.ones((len(data.geos), len(data.channels)))
    contacts, reach = (data.media * data.frequency).sum(axis=1), data.media.sum(axis=1)
    everywhere = np.divide(
        contacts.sum(axis=0), reach.sum(axis=0), out=np.ones(reach.shape[1]), where=reach.any(axis=0)
    )
    return np.asarray(
        np.divide(contacts, reach, out=np.broadcast_to(everywhere, reach.shape).copy(), where=reach > 0)
    )
