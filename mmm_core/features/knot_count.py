"""How many knots a baseline has where the configuration does not say."""

_WEEKS_PER_KNOT = 13
_WEEKS_PER_NATIONAL_KNOT = 26


def default_knot_count(n_weeks: int, is_national: bool) -> int:
    """One knot per quarter, or per half year in a national panel (one geo says less about a trend); at least 2."""
    return max(2, round(n_weeks / (_WEEKS_PER_NATIONAL_KNOT if is_national else _WEEKS_PER_KNOT)))
