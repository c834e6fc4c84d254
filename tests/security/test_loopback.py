"""What is started listens on this machine only."""

from pathlib import Path

from mmm_assets.commands import ui
from tests.assets.projects import load, settings, write_config


def test_the_ui_and_mlflow_listen_on_loopback_only(tmp_path: Path) -> None:
    project = load(write_config(tmp_path, settings(tmp_path, None)))
    command = ui.dagster_command(project, 3000, "warning")
    assert command[command.index("-h") + 1] == "127.0.0.1"
    served = ui._mlflow_command(project)
    assert served[served.index("--host") + 1] == "127.0.0.1"
