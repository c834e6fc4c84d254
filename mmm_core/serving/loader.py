"""Run by MLflow when the model is loaded: the file takes the place of a pickle ("models from code")."""

from mlflow.models import set_model

from mmm_core.serving.model import PlanModel

set_model(PlanModel())
