"""Configuration files of a few lines."""

from pathlib import Path

from mmm_core.config.loading import load_config


def load_text(tmp_path: Path, text: str) -> None:
    """Load a configuration that consists of this text, without an environment."""
    path = tmp_path / "project.yaml"
    path.write_text(text, encoding="utf-8")
    load_config(path, environ={})
