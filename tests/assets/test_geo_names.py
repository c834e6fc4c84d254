"""Names of geos that cannot be used."""

import pytest

from mmm_assets.partitions import refuse_unusable_names
from mmm_core.errors import DataError


@pytest.mark.parametrize("name", ["all", "All", "ALL"])
def test_a_geo_that_is_called_like_the_sum_of_all_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=rf"sales.csv: a geo is named '{name}'.*rename it"):
        refuse_unusable_names(("North", name), "sales.csv")


@pytest.mark.parametrize("name", ["national", "Allgäu", "all regions", "total"])
def test_names_near_it_are_allowed(name: str) -> None:
    refuse_unusable_names(("North", name), "sales.csv")
