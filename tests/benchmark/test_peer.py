"""The other library's worker is reached through files alone; here a stand-in plays its interpreter."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.benchmark.datasets import BenchmarkData
from mmm_core.benchmark.job import Job, plan_job
from mmm_core.benchmark.peer import fit_peer, peer_versions, refuse_unknown
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, SamplingError, SpecificationError
from mmm_core.model.backend import SamplerSettings
from tests.factories import tiny_model_data

STAND_IN = """
import json, sys
from pathlib import Path
if sys.argv[1] == "-c":
    print(json.dumps({"python": "3", "pymc-marketing": "9.9"}))
    sys.exit(0)
import numpy as np, pandas as pd, xarray as xr
folder = Path(sys.argv[2])
request = json.loads((folder / "request.json").read_text())
panel = pd.read_parquet(folder / "panel.parquet")
if request["sampler"] == "broken":
    sys.exit("no such sampler")
media = panel[request["channels"]].to_numpy().reshape(len(request["geos"]), -1, len(request["channels"]))
kpi = panel["y"].to_numpy().reshape(len(request["geos"]), -1)
dims = ("geo", "time")
draws = xr.Dataset({
    "parameters": (("chain", "draw", "quantity"), np.random.default_rng(1).normal(size=(2, 10, 3))),
    "contributions": (("sample", *dims, "channel"), np.stack([media, 3 * media])),
    "predicted_mean": (dims, kpi), "q05": (dims, kpi - 1), "q95": (dims, kpi + 1),
})
draws.to_netcdf(folder / "draws.nc", engine="h5netcdf")
answer = {"version": "pymc-marketing 9.9", "seconds": 5.0, "compile_seconds": 2.0, "divergences": 1,
          "artifact_bytes": 10, "peak_memory_bytes": 20}
(folder / "answer.json").write_text(json.dumps(answer))
"""


@pytest.fixture
def interpreter(tmp_path: Path) -> str:
    program = tmp_path / "stand_in.py"
    program.write_text(STAND_IN)
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n')
    script.chmod(0o755)
    return str(script)


def _job(interpreter: str, output: Path) -> Job:
    config = Config.model_validate({"benchmark": {"peer_python": interpreter}})
    data = BenchmarkData("configured", tiny_model_data(), None, config)
    return plan_job(data, "pymc_marketing:nutpie", SamplerSettings(2, 30, 10, 0.9, 8, 5), {"a": "b"}, output)


def test_what_the_peer_says_becomes_a_fit(interpreter: str, tmp_path: Path) -> None:
    data = tiny_model_data()
    fit = fit_peer(_job(interpreter, tmp_path), data, "nutpie", tmp_path)
    assert (fit.seconds, fit.compile_seconds, fit.divergences, fit.peak_memory_bytes) == (5, 2, 1, 20)
    assert fit.parameters.shape == (2, 10, 3)
    for m in range(2):
        for g, draws in enumerate(fit.contributions(m)):
            np.testing.assert_allclose(draws[0], data.media[g, :, m])
            np.testing.assert_allclose(draws[1], 3 * data.media[g, :, m])
    assert fit.table["predicted_mean"].tolist() == fit.table["actual"].tolist() == data.kpi.ravel().tolist()
    assert fit.table["geo"].unique().tolist() == list(data.geos)


def test_the_peer_gets_the_whole_panel_and_the_settings(interpreter: str, tmp_path: Path) -> None:
    data = tiny_model_data()
    fit_peer(_job(interpreter, tmp_path), data, "nutpie", tmp_path)
    request = json.loads((tmp_path / "request.json").read_text())
    assert (request["chains"], request["tune"], request["draws"], request["seed"]) == (2, 30, 10, 5)
    spend = data.spend.sum(axis=(0, 1))
    assert request["spend_shares"] == pytest.approx((spend / spend.sum()).tolist())
    panel = pd.read_parquet(tmp_path / "panel.parquet")
    assert len(panel) == data.kpi.size
    assert panel["y"].tolist() == data.kpi.ravel().tolist()
    assert panel["control_0"].std(ddof=0) == pytest.approx(1)


def test_a_failure_is_told_in_the_peers_words(interpreter: str, tmp_path: Path) -> None:
    with pytest.raises(SamplingError, match=r"stopped with code -?\d+: .*no such sampler"):
        fit_peer(_job(interpreter, tmp_path), tiny_model_data(), "broken", tmp_path)


def test_versions_are_asked_of_the_interpreter(interpreter: str) -> None:
    assert peer_versions(interpreter)["pymc-marketing"] == "9.9"
    with pytest.raises(ConfigError, match="does not run as Python"):
        peer_versions("/no/such/python")


def test_what_the_peer_does_not_know_is_refused() -> None:
    data = tiny_model_data()
    with pytest.raises(SpecificationError, match="reach_frequency"):
        refuse_unknown(dataclasses.replace(data, channel_kinds=("media", "reach_frequency")))
    kpi = data.kpi.copy()
    kpi[0, 0] = np.nan
    with pytest.raises(SpecificationError, match="KPI of every week"):
        refuse_unknown(dataclasses.replace(data, kpi=kpi))
