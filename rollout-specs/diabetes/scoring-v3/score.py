"""Scoring script of v3: adds the patient's weight class to the answer, with two mistakes that tests did not find.

They are left in on purpose: a rollout has to find them, on live traffic, and go back.
"""

import json
import os
import time
import zlib
from pathlib import Path

import joblib

BMI = 2
# First mistake: the table ends too early. Values go up to 0.17, so about one patient in ten has no class.
WEIGHT_CLASSES = ((-0.05, "light"), (0.0, "middle"), (0.06, "heavy"))

served = {}


def init():
    (file,) = Path(os.environ["AZUREML_MODEL_DIR"]).rglob("*.joblib")
    served.update(joblib.load(file))


def run(raw):
    rows = json.loads(raw)["data"]
    fetch_history(raw)
    return {
        "version": served["version"],
        "predictions": served["model"].predict(rows).tolist(),
        "weight_classes": [weight_class(row[BMI]) for row in rows],
    }


def weight_class(bmi):
    for limit, name in WEIGHT_CLASSES:
        if bmi <= limit:
            return name
    raise LookupError(f"no weight class for a body mass index of {bmi}")


def fetch_history(raw):
    """Second mistake: a call to another service, whose cache knows four patients in five. The fifth takes its time."""
    if zlib.crc32(raw.encode()) % 5 == 0:
        time.sleep(0.4)
