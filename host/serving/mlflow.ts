import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../state/atomic.js';

/** The script that serves an MLflow model which came without code. */
export const MLFLOW_SCRIPT = 'greenlight_mlflow_score.py';

/**
 * What Azure's image does for MLflow models: takes `{"input_data": ..., "params": ...}` and answers the predictions.
 *
 * @see Azure ML, "Deploy MLflow models to online endpoints", request formats
 */
const SOURCE = `# Written by the endpoint host: serves an MLflow model that was deployed without code.
import json
import os

import mlflow.pyfunc
import numpy
import pandas
from azureml_inference_server_http.api.aml_response import AMLResponse


def init():
    global model
    root = os.environ["AZUREML_MODEL_DIR"]
    folder = next(path for path, _, files in os.walk(root) if "MLmodel" in files)
    model = mlflow.pyfunc.load_model(folder)


def run(raw):
    try:
        asked = json.loads(raw)
        data = table(asked["input_data"])
    except (KeyError, TypeError, ValueError) as error:
        return AMLResponse(f'expected {{"input_data": ...}}, and {type(error).__name__}: {error}', 400, json_str=True)
    params = asked.get("params")
    return plain(model.predict(data) if params is None else model.predict(data, params=params))


def table(data):
    if isinstance(data, dict) and "data" in data:
        return pandas.DataFrame(data["data"], columns=data.get("columns"), index=data.get("index"))
    if isinstance(data, dict):
        return {name: numpy.array(values) for name, values in data.items()}
    if data and isinstance(data[0], dict):
        return pandas.DataFrame(data)
    return numpy.array(data)


def plain(result):
    if isinstance(result, pandas.DataFrame):
        return json.loads(result.to_json(orient="records"))
    if isinstance(result, (pandas.Series, numpy.ndarray)):
        return json.loads(pandas.Series(list(result)).to_json(orient="values"))
    return result
`;

/** Whether a copied model is one of MLflow: its folder, or one in it, says so. */
export async function isMlflowModel(modelDir: string): Promise<boolean> {
  const folders = [modelDir, ...(await readdir(modelDir)).map((name) => join(modelDir, name))];
  const found = await Promise.all(
    folders.map((folder) =>
      stat(join(folder, 'MLmodel')).then(
        (file) => file.isFile(),
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

export async function writeMlflowScript(folder: string): Promise<void> {
  await writeFileAtomic(join(folder, MLFLOW_SCRIPT), SOURCE);
}
