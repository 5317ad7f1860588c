"""Drives an endpoint host with Microsoft's own client, and prints what it saw as one JSON line per step.

Arguments: the host's address, the file of its token, and the folder to read YAML files from. The certificate comes by
REQUESTS_CA_BUNDLE. The client is told the host's address as that of its cloud, and is otherwise as it is published.
"""

import json
import os
import sys
import time

from azure.ai.ml import MLClient, load_online_deployment, load_online_endpoint
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

base, token_file, folder = sys.argv[1:4]


class FileCredential:
    def get_token(self, *scopes, **kwargs):
        with open(token_file) as file:
            return AccessToken(file.read().strip(), int(time.time()) + 3600)


def told(step, **facts):
    # On a line of its own: the client prints dots while it waits.
    print("\n" + json.dumps({"step": step, **facts}), flush=True)


client = MLClient(
    FileCredential(),
    "00000000-0000-0000-0000-000000000000",
    "local",
    "local",
    cloud="LocalHost",
    cloud_metadata={
        "azure_portal": base,
        "resource_manager": base,
        "active_directory": base,
        "aml_resource_id": "https://ml.azure.com/",
        "storage_endpoint": "127.0.0.1",
        "registry_discovery_endpoint": base,
    },
    show_progress=False,
    enable_telemetry=False,
)
endpoints, deployments = client.online_endpoints, client.online_deployments
yaml = lambda name: os.path.join(folder, name)


def shown():
    endpoint = endpoints.get("diabetes")
    return {"traffic": endpoint.traffic, "mirror": endpoint.mirror_traffic, "state": endpoint.provisioning_state}


def invoke(deployment=None):
    return json.loads(
        endpoints.invoke("diabetes", deployment_name=deployment, request_file=yaml("request.json"))
    )


endpoint = endpoints.begin_create_or_update(load_online_endpoint(yaml("endpoint.yml"))).result()
told("endpoint", name=endpoint.name, auth=endpoint.auth_mode, tags=endpoint.tags, uri=endpoint.scoring_uri)

for name in ("blue", "green"):
    deployment = deployments.begin_create_or_update(load_online_deployment(yaml(f"{name}.yml"))).result()
    told("deployment", name=deployment.name, state=deployment.provisioning_state, count=deployment.instance_count)

told("invoke", blue=invoke("blue"), green=invoke("green"))

endpoint.traffic = {"blue": 90, "green": 10}
endpoints.begin_create_or_update(endpoint).result()
told("traffic", **shown(), answers=invoke()["model"])

endpoint.traffic = {"blue": 100}
endpoint.mirror_traffic = {"green": 10}
endpoints.begin_create_or_update(endpoint).result()
told("mirror", **shown())

endpoint = endpoints.get("diabetes")
endpoint.traffic, endpoint.mirror_traffic = {"blue": 100}, {"green": 0}
endpoints.begin_create_or_update(endpoint).result()
told("mirror off", **shown())

deployment = deployments.get("blue", "diabetes")
deployment.instance_count = 2
deployment = deployments.begin_create_or_update(deployment).result()
told("scale", count=deployment.instance_count, state=deployment.provisioning_state)

told("logs", text=deployments.get_logs("blue", "diabetes", lines=50))

before = endpoints.get_keys("diabetes")
endpoints.begin_regenerate_keys("diabetes", key_type="secondary").result()
after = endpoints.get_keys("diabetes")
told(
    "keys",
    primary_kept=before.primary_key == after.primary_key,
    secondary_new=before.secondary_key != after.secondary_key,
)

tokens = ManagedOnlineEndpoint(name="tokens", auth_mode="aml_token")
endpoints.begin_create_or_update(tokens).result()
token = endpoints.get_keys("tokens")
told("token", type=token.token_type, hours_left=round((token.expiry_time_utc - time.time()) / 3600))

told("list", endpoints=[e.name for e in endpoints.list()], deployments=sorted(d.name for d in deployments.list("diabetes")))

code = deployments.get("blue", "diabetes").code_configuration.code
again = deployments.begin_create_or_update(load_online_deployment(yaml("blue.yml"))).result()
told("same files", uploads_kept=again.code_configuration.code == code)

try:
    deployments.begin_delete("blue", "diabetes").result()
    told("delete live", refused=False)
except HttpResponseError as error:
    told("delete live", refused=True, status=error.status_code, code=error.error.code if error.error else None)

broken = load_online_deployment(yaml("green.yml"))
broken.name, broken.environment_variables = "broken", {"NAME": "broken", "FAIL_INIT": "1"}
try:
    deployments.begin_create_or_update(broken).result()
    said = "nothing"
except HttpResponseError as error:
    said = str(error)
told("failed", state=deployments.get("broken", "diabetes").provisioning_state, told=said)
deployments.begin_delete("broken", "diabetes").result()

deployments.begin_delete("green", "diabetes").result()
told("delete deployment", left=[d.name for d in deployments.list("diabetes")])
endpoints.begin_delete("diabetes").result()
told("delete endpoint", left=[e.name for e in endpoints.list()])
