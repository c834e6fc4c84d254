"""Every error that this library raises on purpose, on one page.

A message is one clear sentence or a few: what was received, what is allowed, the remedy, and the file,
row, column or configuration key concerned.  The command line exits with 2 on `InputError` and its
children, and with 1 on `GateError`.
"""


class MMMError(Exception):
    """Base of all errors raised on purpose."""


class InputError(MMMError):
    """What the user gave (configuration, data, arguments) cannot be used as it is."""


class ConfigError(InputError):
    """A configuration file, profile, environment override or `--set` is wrong."""


class DataError(InputError):
    """The source data is wrong: names file, column and rows."""


class UnreachableError(DataError):
    """A service that the data comes from did not answer, or only with faults, however often it was asked."""


class StoreUnusableError(InputError):
    """The object store of `paths.storage` cannot be used: no bucket, no access, no answer."""


class SpecificationError(InputError):
    """The model specification is impossible, or this backend cannot fit it."""


class BudgetError(InputError):
    """The budget problem is infeasible or names something that does not exist."""


class GateError(MMMError):
    """A blocking check failed, so nothing that depends on the result may run."""


class SamplingError(MMMError):
    """The sampler could not produce draws (not: the draws did not converge)."""


class LateError(MMMError):
    """A limit of time was reached before the work began; what is finished is kept."""


class StorageError(MMMError):
    """A stored artifact is missing, truncated or not what it should be."""


class DiskFullError(StorageError, OSError):
    """There is no room for a file; what was there before is unchanged."""


class TrackingError(MMMError):
    """The tracking store (MLflow) does not answer, or does not take what it is given."""


class BusyError(MMMError):
    """Another process holds what is needed, longer than it is waited for."""
