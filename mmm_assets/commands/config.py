"""`mmm config check`."""

from rich.table import Column, Table
from rich.text import Text

from mmm_assets.commands.console import notes, results
from mmm_assets.commands.invocation import Invocation
from mmm_core.config.switches import without_effect
from mmm_core.config.usage import effective_listing, unused_keys
from mmm_core.errors import ConfigError

_WIDTH_OF_A_FILE = 180
"""Keys, values and origins side by side, for whoever searches the listing."""


def check(invocation: Invocation) -> int:
    """List the effective configuration, prove that every key of the schema is read, and name keys without effect.

    Raises:
        ConfigError: the configuration is wrong, or the schema has keys without effect.
    """
    project = invocation.project()
    table = Table(Column("Key", no_wrap=True), Column("Value", overflow="fold"), "From", box=None, pad_edge=False)
    for key, value, origin in effective_listing(project.loaded):
        table.add_row(Text(key), Text(str(value)), Text(origin, style="dim"))
    out = results()
    if not out.is_terminal:
        out.width = _WIDTH_OF_A_FILE
    out.print(table)
    unused = unused_keys()
    if unused:
        raise ConfigError(f"No code reads {', '.join(unused)}; remove these keys from the schema.")
    for key, remedy in without_effect(project.loaded).items():
        words = f"{key} is set, but has no effect now: it needs {remedy}."
        notes().print(words, markup=False, style="yellow")
    notes().print(f"{invocation.config} is valid; every key of the schema is read by code.", markup=False)
    return 0
