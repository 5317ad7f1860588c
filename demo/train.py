"""Trains the models of the demo on scikit-learn's bundled diabetes data.

usage: train.py FOLDER

Writes into FOLDER: diabetes-v1.joblib, -v2 and -v3, the rows that no model has seen (rows.json, what clients send),
and what came of it (report.json). The same models every time: the split and the models have no chance in them.
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR


def linear():
    return LinearRegression()


def smooth():
    """Bends where the data bends: a little better than the line, on every kind of check."""
    return make_pipeline(StandardScaler(), SVR(C=30, epsilon=10, gamma=0.02))


# v3 is v2 again: what is wrong with it is its scoring script, as it often is.
VERSIONS = {"v1": linear, "v2": smooth, "v3": smooth}


def main(folder: Path) -> None:
    inputs, targets = load_diabetes(return_X_y=True)
    seen, unseen, seen_targets, unseen_targets = train_test_split(inputs, targets, test_size=0.25, random_state=42)
    report = {}
    for version, make in VERSIONS.items():
        model = make().fit(seen, seen_targets)
        error = model.predict(unseen) - unseen_targets
        report[version] = {"testRmse": float(np.sqrt(np.mean(error**2)))}
        joblib.dump({"version": version, "model": model}, folder / f"diabetes-{version}.joblib")
    (folder / "rows.json").write_text(json.dumps(unseen.tolist()))
    (folder / "report.json").write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
