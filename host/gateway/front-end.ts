/**
 * What Azure's front end does to a request and an answer, as scripts for Envoy's Lua filter.
 *
 * A script costs as much as all the rest of the gateway, so each is a filter of its own that runs only where it has
 * something to do: on answers other than 200, on requests with a client's own id, and on routes whose deployments have
 * different timeouts. They sit behind the statistics of the upstream clusters, which therefore count what the model
 * server itself answered.
 */
export const ERRORS_FILTER = 'greenlight.errors';
export const CLIENT_ID_FILTER = 'greenlight.client-id';
export const TIMEOUTS_FILTER = 'greenlight.timeouts';

/**
 * Statuses as Azure maps them.
 *
 * Envoy's router puts `x-envoy-upstream-service-time` on every answer of a model server, and on none of its own. A model
 * server that died under a request, or could not be reached, is told as a failed dependency as well: Azure does not
 * document what it answers then.
 */
export const ERRORS_LUA = `
local MANAGED = { model = "424", timeout = "408", overload = "429" }
local KUBERNETES = { model = "502", timeout = "504", overload = "503" }

function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  local kind = handle:filterContext():get("kind")
  if status == "200" or kind == nil then
    return
  end
  local codes = kind == "kubernetes" and KUBERNETES or MANAGED
  if headers:get("x-envoy-upstream-service-time") ~= nil then
    headers:replace("ms-azureml-model-error-statuscode", status)
    headers:replace("ms-azureml-model-error-reason", "model_error")
    headers:replace(":status", codes.model)
  elseif status == "401" then
    headers:remove("azureml-model-deployment")
  elseif status == "504" then
    headers:replace(":status", codes.timeout)
  elseif status == "503" and headers:get("x-envoy-overloaded") ~= nil then
    headers:replace(":status", codes.overload)
  elseif status == "503" or status == "502" then
    headers:replace("ms-azureml-model-error-statuscode", status)
    headers:replace("ms-azureml-model-error-reason", "model_unreachable")
    headers:replace(":status", codes.model)
  end
end
`;

/** The client's own request id, cut to what Azure keeps. */
export const CLIENT_ID_LUA = `
function envoy_on_request(handle)
  local headers = handle:headers()
  local id = headers:get("x-ms-client-request-id")
  if id ~= nil then
    headers:replace("x-ms-client-request-id", string.sub(string.gsub(id, "[^%w_-]", ""), 1, 40))
  end
end
`;

/** A route has one timeout for all its weighted clusters, so a deployment's own travels as Envoy's own header. */
export const TIMEOUTS_LUA = `
function envoy_on_request(handle)
  local timeout = handle:filterContext():get("timeoutMs")
  if timeout ~= nil then
    handle:headers():replace("x-envoy-upstream-rq-timeout-ms", timeout)
  end
end
`;
