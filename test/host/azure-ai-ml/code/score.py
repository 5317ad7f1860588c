import json
import os


def init():
    print("loading the model of", os.environ["NAME"])
    if os.environ.get("FAIL_INIT"):
        raise RuntimeError("init says no")
    global model
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.txt")) as file:
        model = file.read().strip()


def run(raw):
    return {"name": os.environ["NAME"], "model": model, "asked": json.loads(raw)}
