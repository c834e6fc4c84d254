"""Files in the layout of the DT Mart data set, with values of our own."""

from pathlib import Path

import numpy as np
import pandas as pd

MEDIA = ["TV", "Digital", "Sponsorship", "Content Marketing", "Online marketing", " Affiliates", "SEM"]
"""The blank before one of the names is the data set's own."""
DAYS = pd.date_range("2015-07-01", "2016-06-30", freq="D")
SALE = "Diwali Sale"


def write_dt_mart(folder: Path, seed: int = 5) -> Path:
    """Write orders, monthly media, the sales calendar and monthly scores; August 2015 has next to no orders."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    counts = np.where((DAYS >= "2015-08-01") & (DAYS <= "2015-08-31"), 1, rng.integers(4, 9, len(DAYS)))
    dates = DAYS.repeat(counts)
    orders = pd.DataFrame(
        {
            "Date": dates.strftime("%Y-%m-%d"),
            "product_category": rng.choice(["Camera", "EntertainmentSmall"], len(dates)),
            "gmv_new": rng.gamma(4.0, 500_000.0, len(dates)).round(0),
            "units": 1,
        }
    )
    orders = pd.concat([orders, orders.iloc[[10]]]).sort_values("Date", kind="stable").reset_index(drop=True)
    orders.to_csv(folder / "firstfile.csv")
    months = pd.period_range("2015-07", "2016-06", freq="M")
    media = pd.DataFrame({"Year": months.year, "Month": months.month})
    for number, channel in enumerate(MEDIA):
        media[channel] = rng.gamma(2.0, 1.0 + number, len(months)).round(3)
    media.insert(2, "Total Investment", media[MEDIA].sum(axis=1).round(1))
    media["Radio"], media["Other"] = np.nan, np.nan
    media.to_csv(folder / "MediaInvestment.csv", index=False)
    sale_days = pd.date_range("2015-11-07", "2015-11-14", freq="D")
    pd.DataFrame({"Date": sale_days.strftime("%Y-%m-%d"), "Sales Name": SALE}).to_csv(
        folder / "SpecialSale.csv", index=False
    )
    starts = months.to_timestamp()
    scores = pd.DataFrame({"Date": starts.strftime("%Y-%m-%d"), "NPS": rng.normal(48, 4, len(months)).round(2)})
    scores.to_csv(folder / "MonthlyNPSscore.csv", index=False)
    return folder
