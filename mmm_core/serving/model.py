"""The served model: a plan in, KPI and contributions out, as MLflow's Python flavor asks for it."""

import json
from pathlib import Path

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel, PythonModelContext
from pydantic import ValidationError

from mmm_core.config.features import FeaturesConfig
from mmm_core.errors import MMMError, StorageError
from mmm_core.model.posterior import Posterior
from mmm_core.serving.answer import answer

POSTERIOR, ABOUT = "posterior", "about"
"""Artifacts of the model: a netCDF and a JSON file."""


class PlanModel(PythonModel):  # type: ignore[misc, unused-ignore]
    """Answers plans from one posterior; computes what `serving.answer.answer` says and nothing else."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the artifacts.

        Raises:
            StorageError: they are damaged.
        """
        self._posterior = Posterior.load(Path(context.artifacts[POSTERIOR]))
        path = Path(context.artifacts[ABOUT])
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            self._features = FeaturesConfig.model_validate_json(json.dumps(about["features"]))
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise StorageError(
                f"{path} is no description of a model ({error}); register the fit again."
            ) from error

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> pd.DataFrame:
        """The answer to one plan.

        Raises:
            MlflowException: the plan cannot be used; one sentence, and status 400 where the model is served.
        """
        try:
            found = answer(self._posterior, self._features, model_input)
        except MMMError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error
        return found
