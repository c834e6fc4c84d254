"""Only known noise is hidden."""

import os
import warnings

import pytest

from mmm_core.model.backends.meridian.quiet import _native_noise_filtered, expected_warnings_ignored


def test_native_messages_that_are_not_known_noise_are_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with _native_noise_filtered():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
        os.write(2, b"I0000 00:00:1 2 port.cc:153] oneDNN custom operations are on. You may see\n")
        os.write(2, b"E0000 00:00:1 2 alloc.cc:1] out of memory\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err.splitlines() == ["E0000 00:00:1 2 alloc.cc:1] out of memory", "after"]


def test_native_messages_survive_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with _native_noise_filtered():
            os.write(2, b"why it failed\n")
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert capfd.readouterr().err == "why it failed\n"


def test_unexpected_warnings_are_still_shown() -> None:
    with expected_warnings_ignored():
        warnings.warn("trace group is not defined in the InferenceData scheme", UserWarning, stacklevel=1)
        with pytest.warns(UserWarning, match="something else"):
            warnings.warn("something else", UserWarning, stacklevel=1)
