import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.errors import StorageError
from mmm_core.reporting.exports import DIAGNOSTICS_KEYS, EXPORT_COLUMNS, diagnostics_json, write_exports
from tests.reporting.frames import made_up_inputs

# The published contract, written out by hand: other tools read these columns.
CONTRACT = {
    "contributions.csv": "geo,date,component,mean,q05,q50,q95",
    "channel_summary.csv": (
        "channel,spend,contribution_mean,contribution_q05,contribution_q95,share,"
        "roi_mean,roi_q05,roi_q50,roi_q95,mroi_mean,mroi_q05,mroi_q95"
    ),
    "fit.csv": "geo,date,actual,predicted_mean,q05,q95",
    "response_curves.csv": "geo,channel,spend,outcome_mean,q05,q95",
    "budget_plan.csv": "scenario,geo,channel,current_spend,optimal_spend,current_outcome,optimal_outcome",
}
CONTRACT_KEYS = (
    "backend,seconds,compile_seconds,chains,draws,max_rhat,min_ess_bulk,min_ess_tail,median_ess_bulk,divergences,"
    "min_ebfmi,r2,mape,coverage_90,durbin_watson"
)


def tables() -> dict[str, pd.DataFrame]:
    inputs = made_up_inputs(2, 12)
    curves = inputs.pooled_curves.assign(geo="Geo0")
    return {
        "contributions": inputs.contributions,
        "channel_summary": inputs.channel_summary,
        "fit": inputs.fit,
        "response_curves": curves,
        "budget_plan": inputs.budget_plan,
    }


def diagnostics() -> dict[str, object]:
    return dict(made_up_inputs(1, 12).diagnostics)


def test_columns_are_those_of_the_contract() -> None:
    assert {name: ",".join(columns) for name, columns in EXPORT_COLUMNS.items()} == CONTRACT
    assert ",".join(DIAGNOSTICS_KEYS) == CONTRACT_KEYS


def test_files_begin_with_the_contract_columns_whatever_the_order_of_the_frames(tmp_path: Path) -> None:
    given = {name: table[table.columns[::-1]] for name, table in tables().items()}
    written = write_exports(tmp_path, **given, diagnostics=diagnostics())
    assert sorted(path.name for path in written) == sorted([*CONTRACT, "diagnostics.json"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*CONTRACT, "diagnostics.json"])
    for name, columns in CONTRACT.items():
        header = (tmp_path / name).read_text(encoding="utf-8").splitlines()[0]
        assert header.startswith(columns)
    assert (
        (tmp_path / "contributions.csv")
        .read_text(encoding="utf-8")
        .startswith(CONTRACT["contributions.csv"] + ",kind\n")
    )


def test_numbers_survive_the_way_through_the_file_exactly(tmp_path: Path) -> None:
    given = tables()
    given["channel_summary"].loc[0, "roi_mean"] = 0.1 + 0.2
    given["channel_summary"].loc[1, "roi_mean"] = 1.0 / 3.0 * 1e-9
    write_exports(tmp_path, **given, diagnostics=diagnostics())
    for name, table in given.items():
        read = pd.read_csv(tmp_path / f"{name}.csv", float_precision="round_trip")
        numbers = table.select_dtypes("number").columns
        pd.testing.assert_frame_equal(read[numbers], table[numbers].reset_index(drop=True), check_exact=True)


def test_dates_are_iso_and_line_ends_are_lf_in_utf8(tmp_path: Path) -> None:
    given = tables()
    given["fit"]["geo"] = given["fit"]["geo"].replace("Geo0", "Île-de-France")
    write_exports(tmp_path, **given, diagnostics=diagnostics())
    raw = (tmp_path / "fit.csv").read_bytes()
    assert b"\r" not in raw
    assert raw.decode("utf-8").splitlines()[1].startswith("Île-de-France,2023-01-02,")


def test_a_missing_column_is_refused_by_name(tmp_path: Path) -> None:
    given = tables()
    given["fit"] = given["fit"].drop(columns=["q05", "q95"])
    with pytest.raises(StorageError, match=r"fit\.csv lacks q05, q95; it has geo, date"):
        write_exports(tmp_path, **given, diagnostics=diagnostics())
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    given = tables()
    given["budget_plan"] = pd.concat([given["budget_plan"], given["budget_plan"].head(1)])
    with pytest.raises(StorageError, match=r"one row per scenario, geo, channel.*geo=Geo0, channel=tv"):
        write_exports(tmp_path, **given, diagnostics=diagnostics())


def test_a_channel_without_spend_in_a_geo_may_have_equal_spend_along_its_curve(tmp_path: Path) -> None:
    given = tables()
    given["response_curves"]["spend"] = 0.0
    write_exports(tmp_path, **given, diagnostics=diagnostics())


def test_a_failure_midway_leaves_the_old_files_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_exports(tmp_path, **tables(), diagnostics=diagnostics())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_bytes = Path.write_bytes
    calls: list[Path] = []

    def full_disk(self: Path, data: bytes) -> int:
        calls.append(self)
        if len(calls) == 4:
            write_bytes(self, data[:10])
            raise OSError("No space left on device")
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    changed = {name: table.head(0) for name, table in tables().items()}
    with pytest.raises(OSError, match="No space left"):
        write_exports(tmp_path, **changed, diagnostics=diagnostics())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_diagnostics_have_a_fixed_key_order_and_no_nan() -> None:
    record = dict(reversed(diagnostics().items()))
    record |= {
        "compile_seconds": None,
        "min_ebfmi": float("nan"),
        "max_rhat": np.float64("inf"),
        "chains": np.int64(4),
        "zeta": {"b": np.nan, "a": (1, 2)},
    }
    text = diagnostics_json(record)
    read = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    further = sorted(set(record) - set(DIAGNOSTICS_KEYS))
    assert list(read) == [*CONTRACT_KEYS.split(","), *further]
    assert read["min_ebfmi"] is read["max_rhat"] is read["compile_seconds"] is None
    assert read["chains"] == 4
    assert read["zeta"] == {"a": [1, 2], "b": None}


def test_diagnostics_without_a_key_are_refused() -> None:
    record = diagnostics()
    del record["mape"]
    with pytest.raises(StorageError, match=r"diagnostics\.json lacks mape"):
        diagnostics_json(record)
