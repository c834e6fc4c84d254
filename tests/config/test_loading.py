"""Values, their origins, and one clear error for everything that is wrong."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.config.loading import LoadedConfig, check_channel_overrides, flatten, load_config
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]
Load = Callable[..., LoadedConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write YAML text to a file and load it."""

    def loaded(
        text: str,
        profile: str | None = None,
        overrides: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> LoadedConfig:
        path = tmp_path / "project.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, profile, overrides, environ or {})

    return loaded


def refusal(load: Load, text: str, **arguments: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, **arguments)
    return str(caught.value)


LAYERED = """
training: {chains: 3, tune: 300, draws: 300, seed: 3}
profiles:
  local:
    training: {tune: 400, draws: 400, seed: 4}
"""


def test_later_sources_win_and_every_value_knows_its_source(load: Load, tmp_path: Path) -> None:
    environ = {"MMM__TRAINING__DRAWS": "500", "MMM__TRAINING__SEED": "5", "MMM_CONFIG": "x", "HOME": "/"}
    loaded = load(LAYERED, "local", ["training.seed=6", "training.seed=7"], environ)
    rows = flatten(loaded)
    assert rows["training.target_accept"] == (None, "default")
    assert rows["training.chains"] == (3, f"file {(tmp_path / 'project.yaml').as_posix()}")
    assert rows["training.tune"] == (400, "profile local")
    assert rows["training.draws"] == (500, "environment MMM__TRAINING__DRAWS")
    assert rows["training.seed"] == (7, "--set")
    assert loaded.config.training.seed == 7
    assert loaded.profile == "local"


def test_without_a_profile_profiles_change_nothing(load: Load) -> None:
    assert load(LAYERED).config.training.tune == 300


def test_an_empty_file_is_the_default_configuration(load: Load) -> None:
    loaded = load("")
    assert loaded.config == Config()
    assert set(loaded.origins.values()) == {"default"}


def test_a_section_with_every_key_commented_out_is_its_defaults(load: Load) -> None:
    assert load("training:\n  # draws: 5\nmodel: {}\n").config == Config()


@pytest.mark.parametrize("empty", ["{}", ""])
def test_an_empty_entry_of_a_map_is_there_with_defaults(load: Load, empty: str) -> None:
    text = f"optimization:\n  scenarios:\n    plain: {empty}\n    own: {{change: 0.1}}\n"
    profile = "profiles:\n  p: {optimization: {scenarios: {own: {}, plain: {change: 0.2}}}}\n"
    scenarios = load(text).config.optimization.scenarios
    assert {name: one.change for name, one in scenarios.items()} == {"plain": 0.0, "own": 0.1}
    scenarios = load(text + profile, profile="p").config.optimization.scenarios
    assert {name: one.change for name, one in scenarios.items()} == {"plain": 0.2, "own": 0.1}
    questions = load(text, overrides=["attribution.counterfactuals.all={}"]).config.attribution.counterfactuals
    assert list(questions) == ["all"]


def test_an_empty_section_in_a_profile_takes_nothing_away(load: Load) -> None:
    text = "training: {draws: 300}\nprofiles:\n  local: {training: , model: {}}\n"
    assert load(text, "local").config.training.draws == 300


def test_lists_are_replaced_and_maps_are_merged(load: Load) -> None:
    text = """
data:
  kpi_col: sales
  controls: [a, b]
  channel_map: {tv: tv_spend, radio: radio_spend}
profiles:
  more:
    data:
      controls: [c]
      channel_map: {radio: {spend: r, media: m}, search: s}
"""
    data = load(text, "more").config.data
    assert data.controls == ("c",)
    assert list(data.channel_map) == ["tv", "radio", "search"]
    rows = flatten(load(text, "more"))
    assert rows["data.channel_map.radio.media"] == ("m", "profile more")
    assert rows["data.channel_map.tv"][1].startswith("file ")


def test_a_given_map_replaces_the_default_one(load: Load) -> None:
    assert load("optimization: {scenario_presets: {grow: 0.1}}").config.optimization.scenario_presets == {
        "grow": 0.1
    }


def test_environment_names_take_the_spelling_of_the_file(load: Load) -> None:
    text = "data: {kpi_col: k, channel_map: {TvSpot: s}}\nmodel: {priors: {roi_bounds: {TvSpot: [1, 2]}}}"
    loaded = load(text, environ={"MMM__MODEL__PRIORS__ROI_BOUNDS__TVSPOT": "[0.5, 3]"})
    assert loaded.config.model.priors.roi_bounds == {"TvSpot": (0.5, 3.0)}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("tracking.experiment=a: b #c", "a: b #c"),
        ("tracking.experiment='2024'", "2024"),
        ("tracking.experiment=null", None),
        ("tracking.experiment=2023-01-02", "2023-01-02"),
        ("tracking.experiment=sqlite:///x=y", "sqlite:///x=y"),
    ],
)
def test_override_values_are_yaml_scalars(load: Load, written: str, value: str | None) -> None:
    assert load("", overrides=[written]).config.tracking.experiment == value


def test_an_override_may_name_an_entry_with_a_dot_in_quotes(load: Load) -> None:
    loaded = load("", overrides=['optimization.scenario_presets."q1.plan"=0.1'])
    assert loaded.config.optimization.scenario_presets == {"q1.plan": 0.1}
    assert flatten(loaded)['optimization.scenario_presets."q1.plan"'] == (0.1, "--set")


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("training.drws=5", ["--set training.drws", "unknown key", "Did you mean training.draws?"]),
        ("training.max_rhat=1.1", ["Did you mean complexity.identifiability.max_rhat?"]),
        ("trainng.draws=5", ["--set trainng.draws", "Did you mean training?"]),
        ("training.draws", ["no `=`", "--set section.key=value"]),
        ("training..draws=5", ["'training..draws' is not a key"]),
        ("training=5", ["--set training", "received 5", "a section with the keys chains, tune"]),
        ("data.controls=[a", ["--set data.controls", "not valid YAML"]),
        ("data.controls=a", ["received 'a'", "a list in [ ] of non-empty text"]),
        ("project.currency=5", ["received 5", "Put it in quotes"]),
    ],
)
def test_a_wrong_override_is_refused_with_what_was_meant(load: Load, override: str, parts: list[str]) -> None:
    message = refusal(load, "", overrides=[override])
    assert [part for part in parts if part not in message] == []


def test_a_wrong_environment_name_is_refused_with_what_was_meant(load: Load) -> None:
    message = refusal(load, "", environ={"MMM__TRAINNG__DRAWS": "5"})
    assert "environment variable MMM__TRAINNG__DRAWS" in message
    assert "Did you mean training?" in message
    assert "MMM__SECTION__KEY" in refusal(load, "", environ={"MMM__": "5"})


WRONG = """\
training:
  drws: 5
  chains: four
  tune: true
model:
  backend: pymcc
  knots: 2.5
data:
  kpi_col: 5
  channel_map:
    tv: {spend: s, mdia: m}
    radio: {media: z}
evaluation: {metrics: {mape_threshold: .inf}}
validation: {value_sanity: {roi_range: [1]}}
optimisation: {objective: roas}
profiles:
  local: {paths: {storge: x}}
"""


def test_everything_wrong_is_reported_at_once_with_its_line(load: Load) -> None:
    message = refusal(load, WRONG)
    expected = {
        2: "training.drws: unknown key. Did you mean training.draws? Allowed in training: chains, tune",
        3: "training.chains: received 'four'; allowed: a whole number >= 2 and <= 16.",
        4: "training.tune: received true; allowed: a whole number >= 50 or null.",
        6: "model.backend: received 'pymcc'; allowed: one of meridian, pymc. Did you mean pymc?",
        7: "model.knots: received 2.5; allowed: a whole number or one of auto or a list",
        9: "data.kpi_col: received 5; allowed: non-empty text or null. Put it in quotes.",
        11: "data.channel_map.tv.mdia: unknown key. Did you mean data.channel_map.tv.media?",
        12: "data.channel_map.radio.spend: is required here and missing",
        13: "evaluation.metrics.mape_threshold: received inf; allowed: a number > 0, finite.",
        14: "validation.value_sanity.roi_range: received [1]; allowed: a list of 2 numbers",
        15: "optimisation: unknown key. Did you mean optimization?",
    }
    assert [text for line, text in expected.items() if f"project.yaml, line {line}: {text}" not in message] == []
    assert "profile local, line 17: paths.storge: unknown key. Did you mean paths.storage?" in message
    assert message.splitlines()[0].endswith(f"{len(expected) + 1} problems:")
    assert len(message.splitlines()) == len(expected) + 2


def test_a_misspelt_profiles_section_is_recognised(load: Load) -> None:
    assert "profile: unknown key. Did you mean profiles?" in refusal(load, "profile: {local: }")


def test_one_problem_is_one_line(load: Load) -> None:
    assert len(refusal(load, "training: {draws: 5}").splitlines()) == 1


def test_an_error_names_the_source_of_the_effective_value(load: Load) -> None:
    text = "training: {draws: 300}\nprofiles:\n  local:\n    training:\n      draws: few\n"
    assert "profile local, line 5: training.draws" in refusal(load, text, profile="local")


def test_a_value_in_place_of_a_section_is_refused_even_if_overridden(load: Load) -> None:
    text = "paths: here\nprofiles: {local: {paths: {storage: x}}}"
    assert "line 1: paths: received 'here'" in refusal(load, text, profile="local")


def test_a_profile_that_is_not_there_is_refused_with_those_that_are(load: Load) -> None:
    message = refusal(load, "profiles: {local: , docker: }", profile="dokcer")
    assert "allowed: local, docker" in message
    assert "Did you mean docker?" in message
    assert "no `profiles:` section" in refusal(load, "", profile="local")


@pytest.mark.parametrize("text", ["profiles: 5", "profiles: {local: 5}"])
def test_profiles_that_are_no_sections_are_refused(load: Load, text: str) -> None:
    assert "line 1: profiles" in refusal(load, text)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml does not exist"):
        load_config(tmp_path / "nowhere.yaml", environ={})


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, environ={})


def test_an_environment_reference_is_replaced_and_never_shown(load: Load) -> None:
    planted = "s3cr&t-värde"
    loaded = load(
        'tracking: {tracking_uri: "https://x/${PW}?a", experiment: "${N}"}\nruntime: {cores: "${N}"}',
        environ={"PW": planted, "N": "2", "UNUSED": "zzzz"},
    )
    assert loaded.config.tracking.tracking_uri == f"https://x/{planted}?a"
    assert loaded.config.runtime.cores == 2
    assert loaded.secrets == {planted, "2"}
    rows = flatten(loaded)
    assert rows["tracking.tracking_uri"][0] == "https://x/***?***"
    assert rows["tracking.experiment"][0] == "***"
    assert rows["runtime.cores"][0] == "***"
    assert flatten(loaded, mask=False)["runtime.cores"][0] == 2
    assert planted not in f"{rows}{loaded}"


def test_a_reference_inside_a_list_is_replaced_and_masked(load: Load) -> None:
    loaded = load('project: {owners: ["team:a", "${OWNER}"]}', environ={"OWNER": "ann@example.org"})
    assert loaded.config.project.owners == ("team:a", "ann@example.org")
    assert flatten(loaded)["project.owners"][0] == ("team:a", "***")


def test_an_unset_variable_is_refused_with_key_and_variable(load: Load) -> None:
    message = refusal(load, 'tracking: {tracking_uri: "${MLFLOW_URL}"}', environ={"MLFLOW_URI": "x"})
    assert "line 1: tracking.tracking_uri: environment variable MLFLOW_URL is not set" in message
    assert "Did you mean MLFLOW_URI?" in message
    assert "${NAME}" in refusal(load, 'tracking: {tracking_uri: "${a b}"}')


def test_an_overridden_value_needs_no_variable(load: Load) -> None:
    text = 'tracking: {tracking_uri: "${NOT_SET}"}'
    assert load(text, overrides=["tracking.tracking_uri=x"]).config.tracking.tracking_uri == "x"


def test_a_secret_of_the_wrong_type_is_not_in_the_error(load: Load) -> None:
    message = refusal(load, 'runtime: {cores: "${PW}"}\nproject: {name: "${PW}"}', environ={"PW": "hunter22"})
    assert "received '${PW}'" in message
    assert "hunter22" not in message


def test_loading_again_gives_the_same(load: Load) -> None:
    environ = {f"MMM__OPTIMIZATION__SCENARIO_PRESETS__S{n}": "0.1" for n in range(5)}
    backwards = dict(reversed(environ.items()))
    first, second = load(LAYERED, "local", environ=environ), load(LAYERED, "local", environ=backwards)
    assert first == second
    assert list(flatten(first).items()) == list(flatten(second).items())


@given(st.sampled_from(["tv", "Radio 2", "a.b", 'x"y', "søk"]), st.floats(0.01, 5), st.floats(5.1, 50))
def test_bounds_survive_the_file(
    tmp_path_factory: pytest.TempPathFactory, name: str, low: float, high: float
) -> None:
    path = tmp_path_factory.mktemp("bounds") / "project.yaml"
    quoted = "'" + name + "'"
    path.write_text(f"model: {{priors: {{roi_bounds: {{{quoted}: [{low!r}, {high!r}]}}}}}}", encoding="utf-8")
    assert load_config(path, environ={}).config.model.priors.roi_bounds == {name: (low, high)}


def test_an_override_for_a_channel_that_the_data_lacks_is_refused() -> None:
    config = Config.model_validate({"model": {"priors": {"roi_bounds": {"serch": (1, 2)}}}})
    with pytest.raises(ConfigError, match=r"roi_bounds\.serch: no channel is named 'serch'.*Did you mean search"):
        check_channel_overrides(config, ["tv", "search"])
    check_channel_overrides(config, ["serch"])


FILES = sorted((REPOSITORY / "config").rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(REPOSITORY)) for path in FILES])
def test_every_file_in_the_config_folder_loads_with_every_profile(path: Path) -> None:
    environ = {
        "MLFLOW_TRACKING_URI": "https://mlflow.example",
        "MMM_DAGSTER_POSTGRES_URL": "postgresql://dagster:word@host/dagster",
        "MMM_BUCKET": "bucket",
    }
    assert load_config(path, environ=environ).config.project.name
    profiles = ["local", "docker", "k8s"] if path.name == "project.yaml" else []
    for profile in profiles:
        assert load_config(path, profile, environ=environ).config.paths.storage
