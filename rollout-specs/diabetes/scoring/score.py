"""Scoring script of v1 and v2: which of them it is comes with the model."""

import json
import os
from pathlib import Path

import joblib

served = {}


def init():
    (file,) = Path(os.environ["AZUREML_MODEL_DIR"]).rglob("*.joblib")
    served.update(joblib.load(file))


def run(raw):
    rows = json.loads(raw)["data"]
    return {"version": served["version"], "predictions": served["model"].predict(rows).tolist()}
