"""The forward model once more, as slow and plain as can be: loops over every index, no arrays."""

import math

from mmm_core.model.posterior import Posterior


def decay_weights(alpha: float, kind: str, n_lags: int, theta: float = 0.0) -> list[float]:
    nearest = min((lag - theta) ** 2 for lag in range(n_lags))
    raw = []
    for lag in range(n_lags):
        if kind == "geometric":
            raw.append(alpha**lag)
        elif kind == "delayed":
            raw.append(alpha ** ((lag - theta) ** 2 - nearest))
        elif kind == "weibull":
            raw.append(alpha ** (float(lag) ** theta))
        elif alpha == 0:
            raw.append(1.0 if lag == 0 else 0.0)
        else:
            raw.append((1 - lag / n_lags) ** (1 / alpha - 1))
    return [value / math.fsum(raw) for value in raw]


def saturate(value: float, kind: str, ec: float, slope: float) -> float:
    if kind == "none":
        return value
    if kind == "logistic":
        k = math.log(3) / ec
        return -math.expm1(-k * value) / (1 + math.exp(-k * value))
    exponent = slope if kind == "hill" else 1.0
    return value**exponent / (value**exponent + ec**exponent)


def carry_over(series: list[float], week: int, weights: list[float]) -> float:
    return math.fsum(weight * series[week - lag] for lag, weight in enumerate(weights) if week - lag >= 0)


class OneDraw:
    """The model at one draw (chain c, draw d)."""

    def __init__(self, posterior: Posterior, chain: int, draw: int) -> None:
        self.posterior = posterior
        self.at = {name: posterior.samples[name].values[chain, draw] for name in posterior.samples}

    def saturated(self, g: int, t: int, m: int, factor: float = 1.0) -> float:
        """Carried-over and saturated media of channel m when it is scaled by a factor."""
        data, scaling, spec = self.posterior.data, self.posterior.scaling, self.posterior.spec
        raw = [*data.lead_media[g, :, m], *data.media[g, :, m]]
        series = [factor * float(value / scaling.media_scale[g, m]) for value in raw]
        alpha, theta, ec, slope = (float(self.at[name][m]) for name in ("alpha_m", "theta_m", "ec_m", "slope_m"))
        n_lags = min(spec.max_lag_weeks + 1, len(series))
        weights = decay_weights(alpha, spec.adstock[m], n_lags, theta)
        kind, week = spec.saturation[m], data.lead_media.shape[1] + t
        if data.channel_kinds[m] == "reach_frequency":
            frequency = [*data.lead_frequency[g, :, m]] if data.lead_frequency is not None else []
            frequency += [*data.frequency[g, :, m]]
            reached = [x * saturate(float(f), kind, ec, slope) for x, f in zip(series, frequency, strict=True)]
            return carry_over(reached, week, weights)
        if spec.hill_before_adstock:
            return carry_over([saturate(x, kind, ec, slope) for x in series], week, weights)
        return saturate(carry_over(series, week, weights), kind, ec, slope)

    def _media_term(self, g: int, t: int, m: int, factor: float = 1.0) -> float:
        return float(self.at["beta_gm"][g, m]) * self.saturated(g, t, m, factor)

    def _scaled_control(self, g: int, t: int, k: int) -> float:
        data, scaling = self.posterior.data, self.posterior.scaling
        value = data.control_values[g, t, k]
        if data.control_per_capita[k]:
            value = value / data.population[g]
        return float((value - scaling.control_mean[k]) / scaling.control_sd[k])

    def _reference(self, k: int) -> float:
        """Scaled value from which a control counts."""
        data = self.posterior.data
        if data.control_roles[k] != "non_media_treatment":
            return 0.0
        cells = [(g, t) for g in range(len(data.geos)) for t in range(len(data.dates)) if data.present[g, t]]
        return min(self._scaled_control(g, t, k) for g, t in cells)

    def _control_term(self, g: int, t: int, k: int) -> float:
        return float(self.at["gamma_gc"][g, k]) * (self._scaled_control(g, t, k) - self._reference(k))

    def _base_term(self, g: int, t: int) -> float:
        knots = self.posterior.spec.knots
        values = [float(value) for value in self.at["knot_values"]]
        trend = values[0] if t < knots[0] else values[-1]
        for left in range(len(knots) - 1):
            if knots[left] <= t <= knots[left + 1]:
                share = (t - knots[left]) / (knots[left + 1] - knots[left])
                trend = (1 - share) * values[left] + share * values[left + 1]
                break
        controls = range(len(self.posterior.data.controls))
        held = math.fsum(float(self.at["gamma_gc"][g, k]) * self._reference(k) for k in controls)
        return float(self.at["tau_g"][g]) + trend + held

    def mu(self, g: int, t: int) -> float:
        data = self.posterior.data
        media = math.fsum(self._media_term(g, t, m) for m in range(len(data.channels)))
        controls = math.fsum(self._control_term(g, t, k) for k in range(len(data.controls)))
        return self._base_term(g, t) + controls + media

    def _unit(self, g: int, t: int) -> float:
        """KPI units per unit of mu."""
        scaling, spec = self.posterior.scaling, self.posterior.spec
        if not self.posterior.data.present[g, t]:
            return 0.0
        if spec.family == "gaussian":
            return float(scaling.kpi_sd * scaling.population[g])
        a, b = self.mu(g, t) + scaling.kpi_mean, self._base_term(g, t) + scaling.kpi_mean
        return math.exp(b) if a == b else (math.exp(a) - math.exp(b)) / (a - b)

    def _expected(self, g: int, mu: float) -> float:
        scaling = self.posterior.scaling
        if self.posterior.spec.family == "gaussian":
            return float((mu * scaling.kpi_sd + scaling.kpi_mean) * scaling.population[g])
        return math.exp(mu + scaling.kpi_mean) - 1

    def channel(self, g: int, t: int, m: int, factor: float = 1.0) -> float:
        """KPI units that channel m adds in geo g and week t when its media is scaled."""
        return self._media_term(g, t, m, factor) * self._unit(g, t)

    def control(self, g: int, t: int, k: int) -> float:
        return self._control_term(g, t, k) * self._unit(g, t)

    def baseline(self, g: int, t: int) -> float:
        return self._expected(g, self._base_term(g, t)) * float(self.posterior.data.present[g, t])

    def kpi(self, g: int, t: int) -> float:
        return self._expected(g, self.mu(g, t)) * float(self.posterior.data.present[g, t])

    def outcome(self, g: int, m: int, factor: float = 1.0) -> float:
        """Outcome (revenue where known) that channel m adds in geo g over the window."""
        data = self.posterior.data
        worth = [1.0] * len(data.dates)
        if data.revenue_per_kpi is not None:
            worth = [float(value) for value in data.revenue_per_kpi[g]]
        return math.fsum(worth[t] * self.channel(g, t, m, factor) for t in range(len(data.dates)))
