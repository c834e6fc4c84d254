"""The code location `mmm_benchmark`: the benchmark of the project that `definitions` serves."""

from mmm_assets.assembly import benchmark_definitions
from mmm_assets.resources.project import project_definitions

defs = project_definitions(benchmark_definitions)
