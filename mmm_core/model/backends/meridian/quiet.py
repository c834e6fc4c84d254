"""Importing and running Meridian without its start-up noise, and nothing else hidden."""

import importlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_NATIVE_NOISE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|I\d{4} .*(oneDNN custom operations|Could not find cuda drivers)"
)
"""Lines that TensorFlow's native code prints while it loads, whatever the log level."""

_EXPECTED_WARNINGS: tuple[tuple[str, type[Warning]], ...] = (
    (r"jax\.core\.pytype_aval_mappings is deprecated", DeprecationWarning),
    (r"shape requires ndarray or scalar arguments, got <class 'NoneType'>", DeprecationWarning),
    (r"trace group is not defined in the InferenceData scheme", UserWarning),
    (r"Hierarchical distribution parameters must be deterministically zero for national models", UserWarning),
    (r"Changing the prior for `slope_(m|om)` may lead to convex Hill curves", UserWarning),
    (r"Using coefficient priors .* is not recommended", UserWarning),
)
"""What Meridian warns of although it is meant: message pattern and category."""


def import_meridian() -> None:
    """Import Meridian, which takes about 20 seconds the first time, without its start-up messages."""
    if "meridian.model.model" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _native_noise_filtered(), expected_warnings_ignored():
        importlib.import_module("meridian.model.model")


@contextmanager
def expected_warnings_ignored() -> Iterator[None]:
    """Leave out the warnings that this backend causes knowingly; every other warning is still shown."""
    with warnings.catch_warnings():
        for pattern, category in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=pattern, category=category)
        yield


@contextmanager
def _native_noise_filtered() -> Iterator[None]:
    """Hold back file descriptor 2 and afterwards pass on every line that is not known noise."""
    descriptor = 2
    sys.stderr.flush()
    original = os.dup(descriptor)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), descriptor)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, descriptor)
            os.close(original)
            held.seek(0)
            for line in held:
                if not _NATIVE_NOISE.match(line):
                    os.write(descriptor, line)
