"""Rules about several keys of enhanced_cleaning."""

from pathlib import Path

import pytest

from mmm_core.errors import ConfigError
from tests.config_files import load_text

DATA = "data: {kpi_col: k, currency_col: money, channel_map: {tv: a}, controls: [promo]}\n"
MONEY = "enhanced_cleaning.currency."
MISSING = "enhanced_cleaning.missing_data."
CASES = {
    "no date": (
        "enhanced_cleaning: {missing_data: {outages: [{start: soon, end: 2023-01-02}]}}",
        f"line 1: {MISSING}outages[0].start: received 'soon'; allowed: a date, written YYYY-MM-DD.",
    ),
    "dates reversed": (
        "enhanced_cleaning: {missing_data: {outages: [{start: 2023-02-02, end: 2023-01-02}]}}",
        f"{MISSING}outages[0].end: received 2023-01-02, which is before the start",
    ),
    "outage of nothing": (
        "enhanced_cleaning: {missing_data: {outages: [{start: 2023-01-01, end: 2023-01-02, columns: []}]}}",
        f"{MISSING}outages[0].columns: received an empty list",
    ),
    "currency by name": (
        DATA + "enhanced_cleaning: {currency: {policy: convert, rates: {euro: 1.1}}}",
        f"line 2: {MONEY}rates.euro: allowed: the ISO code",
    ),
    "own currency by name": (
        DATA + "project: {currency: Dollar}\nenhanced_cleaning: {currency: {policy: convert, rates: {EUR: 1.1}}}",
        "project.currency: received 'Dollar', but enhanced_cleaning.currency.policy is convert",
    ),
    "own currency at another rate": (
        DATA + "enhanced_cleaning: {currency: {policy: convert, rates: {USD: 1.1}}}",
        f"{MONEY}rates.USD: received 1.1, but USD is project.currency",
    ),
    "two kinds of rates": (
        DATA + "enhanced_cleaning: {currency: {policy: convert, rates: {EUR: 1.1}, rate_col: r}}",
        f"{MONEY}rate_col: received 'r', and there are enhanced_cleaning.currency.rates as well",
    ),
    "no rates": (
        DATA + "enhanced_cleaning: {currency: {policy: convert}}",
        f"{MONEY}policy: received 'convert', but there are no rates",
    ),
    "no currencies": (
        "enhanced_cleaning: {currency: {policy: convert, rates: {EUR: 1.1}}}",
        f"{MONEY}policy: received 'convert', but no column says which currency a row has",
    ),
    "scale without revenue": (
        DATA + "enhanced_cleaning: {currency: {policy: scale_per_geo}}",
        f"{MONEY}policy: received 'scale_per_geo', which divides money by revenue",
    ),
    "outliers of nothing": (
        "enhanced_cleaning: {outliers: {policy: flag, columns: []}}",
        "enhanced_cleaning.outliers.columns: received an empty list, but the policy is flag",
    ),
    "unknown promotion": (
        DATA + "enhanced_cleaning: {outliers: {promo_columns: [promos]}}",
        "enhanced_cleaning.outliers.promo_columns[0]: 'promos' is neither in data.non_media_treatments nor in "
        "data.controls. Did you mean promo?",
    ),
    "pause and outage": (
        "enhanced_cleaning:\n"
        "  missing_data: {strategy: campaign_aware, outage_detection: true, max_outage_days: 20}\n",
        f"{MISSING}max_outage_days: received 20, but from min_pause_days (14) on",
    ),
    "mask without masks": (
        "enhanced_cleaning: {missing_data: {strategy: simple, outage_detection: true}}",
        f"{MISSING}outage_action: received 'mask', but under the strategy simple every week has a KPI",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_contradictions_are_refused_with_their_key(tmp_path: Path, name: str) -> None:
    text, message = CASES[name]
    with pytest.raises(ConfigError) as error:
        load_text(tmp_path, text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        DATA + "enhanced_cleaning: {currency: {policy: convert, rates: {EUR: 1.1, USD: 1}}}",
        DATA + "enhanced_cleaning: {currency: {policy: convert, rate_col: r}}",
        DATA.replace("kpi_col", "revenue_col") + "enhanced_cleaning: {currency: {policy: scale_per_geo}}",
        DATA.replace("[promo]", "['p*']")
        + "enhanced_cleaning: {outliers: {policy: flag, promo_columns: [price]}}",
        "enhanced_cleaning: {missing_data: {outages: [{start: 2023-01-02, end: 2023-01-02}]}}",
        "enhanced_cleaning: {missing_data: {strategy: simple, outage_detection: true, outage_action: impute}}",
    ],
)
def test_settings_that_fit_together_are_loaded(tmp_path: Path, text: str) -> None:
    load_text(tmp_path, text)
