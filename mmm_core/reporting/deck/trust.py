"""Whether the model may be believed, in three points: verdict, backtest, experiments."""

from collections.abc import Iterator

from mmm_core.backtesting.run import MODEL, SEASONAL
from mmm_core.evaluation.verdict import LEVEL_WORDS
from mmm_core.reporting.deck.phrases import LONGEST, short_names, single
from mmm_core.reporting.deck.said import Said, fact, say
from mmm_core.reporting.formats import compact, counted, percent
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.experiments import in_conflict, unit_words


def trust_points(inputs: ReportInputs) -> Iterator[Said]:
    """One sentence each of what there is."""
    yield from _verdict(inputs)
    yield from _backtest(inputs)
    yield from _experiments(inputs)


def _verdict(inputs: ReportInputs) -> Iterator[Said]:
    found = inputs.trust.verdict
    if found is not None:
        total = sum(found.checks.values())
        made = fact(counted(total, "check"), total, "model_verdict: sum of checks")
        yield say("Verdict: {} after {}.", LEVEL_WORDS[found.level], made)


def _backtest(inputs: ReportInputs) -> Iterator[Said]:
    """The model's error beside that of last year's week, of coming weeks where they were held out."""
    scores = inputs.trust.table("backtest:scores")
    if scores is None:
        return
    strategies = scores["strategy"].astype(str)
    wanted = "temporal" if (strategies == "temporal").any() else strategies.iloc[0]
    rows = {str(row["predictor"]): row for row in scores[strategies == wanted].to_dict("records")}
    if MODEL not in rows or SEASONAL not in rows:
        return
    own, naive = (
        single(rows[name], "wmape", percent, f"backtest scores, strategy {wanted}, predictor {name}")
        for name in (MODEL, SEASONAL)
    )
    yield say("Backtest: held-out {} are missed by {}; by {} with last year’s week.", inputs.kpi_name, own, naive)


def _experiments(inputs: ReportInputs) -> Iterator[Said]:
    """How many tests contradict the fit, and the one that does most."""
    table = inputs.trust.table("experiments")
    if table is None:
        return
    rows = table.to_dict("records")
    wrong = sorted((row for row in rows if in_conflict(row)), key=lambda row: -abs(float(row["z"])))
    total = fact(counted(len(rows), "experiment"), len(rows), "experiments, number of rows")
    if not wrong:
        yield say("The model agrees with {}.", total)
        return
    first, source = wrong[0], f"experiments, experiment {wrong[0]['experiment']}"
    name = str(first["experiment"])
    yield say(
        "{} of {} conflict with the model: {} measured {} {}, the model says {}.",
        fact(str(len(wrong)), len(wrong), "experiments, number of rows with conflict"),
        total,
        short_names([name], LONGEST)[name],
        single(first, "measured_mean", compact, source),
        unit_words(first["unit"], inputs),
        single(first, "posterior_mean", compact, source),
    )
