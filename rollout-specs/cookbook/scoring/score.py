"""Scores with whatever model Azure ML mounted: a stand-in for your own scoring script."""

import json
import os

import joblib

model = None


def init():
    global model
    folder = os.environ["AZUREML_MODEL_DIR"]
    model = joblib.load(os.path.join(folder, "model.joblib"))


def run(data):
    return {"scores": model.predict_proba(json.loads(data)["rows"])[:, 1].tolist()}
