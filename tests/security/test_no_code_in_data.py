"""What is stored or configured is never executed: no pickle, no eval, no YAML that makes objects, no shell."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmm_assets.assembly import build_definitions
from tests.assets.projects import load, settings, write_config

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = sorted(path for package in ("mmm_core", "mmm_assets") for path in (REPOSITORY / package).rglob("*.py"))
MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle"}
CALLS = {"eval", "exec", "compile", "__import__", "read_pickle", "to_pickle", "system", "popen"}
YAML_LOADERS = {"load", "load_all", "unsafe_load", "full_load", "unsafe_load_all", "full_load_all"}
FORMATS = {"parquet", "json", "model_data_io", "posterior_io"}


def offences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield f"from {node.module}"
        elif isinstance(node, ast.Call):
            yield from of_call(node)


def of_call(node: ast.Call) -> Iterator[str]:
    called = node.func
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    owner = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
    if name in CALLS and (name != "compile" or isinstance(called, ast.Name)):
        yield f"{name}()"
    if owner == "yaml" and name in YAML_LOADERS and not any(_is_safe(word) for word in node.keywords):
        yield f"yaml.{name}()"
    for word in node.keywords:
        if word.arg in ("shell", "allow_pickle") and not (
            isinstance(word.value, ast.Constant) and not word.value.value
        ):
            yield f"{word.arg}="
    if owner == "np" and name == "load" and "allow_pickle" not in {word.arg for word in node.keywords}:
        yield "np.load() without allow_pickle=False"


def _is_safe(word: ast.keyword) -> bool:
    return word.arg == "Loader" and "Safe" in ast.unparse(word.value)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from cloudpickle import loads",
        "eval('1')",
        "yaml.load(text)",
        "pd.read_pickle(path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
    ],
)
def test_an_offence_is_found(code: str) -> None:
    assert list(offences(ast.parse(code)))


@pytest.mark.parametrize("code", ["re.compile('a')", "yaml.safe_load(text)", "np.load(p, allow_pickle=False)"])
def test_what_is_allowed_is_no_offence(code: str) -> None:
    assert not list(offences(ast.parse(code)))


def test_the_packages_have_none() -> None:
    assert len(FILES) > 300
    found = {
        str(path.relative_to(REPOSITORY)): told
        for path in FILES
        if (told := list(offences(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == {}


def test_dagster_pickles_no_output(tmp_path: Path) -> None:
    """Its default storage of outputs does; assets have formats of their own, and steps of jobs return nothing."""
    definitions = build_definitions(load(write_config(tmp_path, settings(tmp_path, None))))
    assets = [made for made in definitions.resolve_asset_graph().assets_defs if made.is_executable]
    jobs = [
        job for job in definitions.get_repository_def().get_all_jobs() if not job.asset_layer.selected_asset_keys
    ]
    assert {"full", "stage_train"} <= {job.name for job in jobs}
    checks = {(made.node_def.name, name) for made in assets for name in made.node_check_specs_by_output_name}
    nodes = [*(made.node_def for made in assets), *(node.definition for job in jobs for node in job.nodes)]
    pickled = [
        (node.name, name)
        for node in nodes
        for name, output in node.output_dict.items()
        if not output.dagster_type.is_nothing and output.io_manager_key not in FORMATS
    ]
    assert set(pickled) <= checks  # results of checks are events, and stored by nothing else
