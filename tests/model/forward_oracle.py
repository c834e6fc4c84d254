"""The forward model once more, as slow and plain as can be: loops over every index, no arrays."""

import math

from mmm_core.model.posterior import Posterior


def decay_weights(alpha: float, kind: str, n_lags: int) -> list[float]:
    raw = []
    for lag in range(n_lags):
        if kind == "geometric":
            raw.append(alpha**lag)
        elif alpha == 0:
            raw.append(1.0 if lag == 0 else 0.0)
        else:
            raw.append((1 - lag / n_lags) ** (1 / alpha - 1))
    return [value / math.fsum(raw) for value in raw]


def hill_of_adstock(
    series: list[float], week: int, alpha: float, ec: float, slope: float, kind: str, max_lag: int
) -> float:
    n_lags = min(max_lag + 1, len(series))
    weights = decay_weights(alpha, kind, n_lags)
    carried = math.fsum(weights[lag] * series[week - lag] for lag in range(n_lags) if week - lag >= 0)
    return carried**slope / (carried**slope + ec**slope)


class OneDraw:
    """The model at one draw (chain c, draw d)."""

    def __init__(self, posterior: Posterior, chain: int, draw: int) -> None:
        self.posterior = posterior
        self.at = {name: posterior.samples[name].values[chain, draw] for name in posterior.samples}

    def channel(self, g: int, t: int, m: int, factor: float = 1.0) -> float:
        """KPI units that channel m adds in geo g and week t when its media is scaled."""
        data, scaling, spec = self.posterior.data, self.posterior.scaling, self.posterior.spec
        series = [factor * float(value / scaling.media_scale[g, m]) for value in data.media[g, :, m]]
        hill = hill_of_adstock(
            series,
            t,
            float(self.at["alpha_m"][m]),
            float(self.at["ec_m"][m]),
            float(self.at["slope_m"][m]),
            spec.adstock[m],
            spec.max_lag_weeks,
        )
        return float(self.at["beta_gm"][g, m] * hill * scaling.kpi_sd * scaling.population[g])

    def control(self, g: int, t: int, k: int) -> float:
        data, scaling = self.posterior.data, self.posterior.scaling
        z = (data.control_values[g, t, k] - scaling.control_mean[k]) / scaling.control_sd[k]
        return float(self.at["gamma_gc"][g, k] * z * scaling.kpi_sd * scaling.population[g])

    def baseline(self, g: int, t: int) -> float:
        scaling, knots = self.posterior.scaling, self.posterior.spec.knots
        values = [float(value) for value in self.at["knot_values"]]
        trend = values[-1]
        for left in range(len(knots) - 1):
            if knots[left] <= t <= knots[left + 1]:
                share = (t - knots[left]) / (knots[left + 1] - knots[left])
                trend = (1 - share) * values[left] + share * values[left + 1]
                break
        scaled = float(self.at["tau_g"][g]) + trend
        return float((scaled * scaling.kpi_sd + scaling.kpi_mean) * scaling.population[g])

    def kpi(self, g: int, t: int) -> float:
        data = self.posterior.data
        media = math.fsum(self.channel(g, t, m) for m in range(len(data.channels)))
        controls = math.fsum(self.control(g, t, k) for k in range(len(data.controls)))
        return self.baseline(g, t) + controls + media

    def outcome(self, g: int, m: int, factor: float = 1.0) -> float:
        """Outcome (revenue where known) that channel m adds in geo g over the window."""
        data = self.posterior.data
        worth = [1.0] * len(data.dates)
        if data.revenue_per_kpi is not None:
            worth = [float(value) for value in data.revenue_per_kpi[g]]
        return math.fsum(worth[t] * self.channel(g, t, m, factor) for t in range(len(data.dates)))
