/**
 * What Azure's front end does to a request and an answer, as a script for Envoy's Lua filter.
 *
 * On the way in: the deployment's own request timeout (a route has one timeout for all its weighted clusters, so it
 * travels as Envoy's own header), the client's request id cut to what Azure keeps, and no `x-ms-request-id`, which the
 * model server refuses when it is long. On the way out: statuses as Azure maps them. The script sits behind the
 * statistics of the upstream clusters, which therefore count what the model server itself answered.
 *
 * `details` is written by the route: `via_upstream` marks an answer of the model server, everything else is Envoy's own.
 * A model server that died under a request, or could not be reached, is told as a failed dependency as well: Azure does
 * not document what it answers then.
 */
export const DETAILS_HEADER = 'x-greenlight-details';

export const AZURE_FRONT_END_LUA = `
local MANAGED = { model = "424", timeout = "408", overload = "429" }
local KUBERNETES = { model = "502", timeout = "504", overload = "503" }

function envoy_on_request(handle)
  local context = handle:filterContext()
  local headers = handle:headers()
  local timeout = context:get("timeoutMs")
  if timeout ~= nil then
    headers:replace("x-envoy-upstream-rq-timeout-ms", timeout)
  end
  headers:remove("x-ms-request-id")
  local id = headers:get("x-ms-client-request-id")
  if id ~= nil then
    headers:replace("x-ms-client-request-id", string.sub(string.gsub(id, "[^%w_-]", ""), 1, 40))
  end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local details = headers:get("${DETAILS_HEADER}")
  if details == nil then
    return
  end
  headers:remove("${DETAILS_HEADER}")
  local status = headers:get(":status")
  if status == "401" then
    headers:remove("azureml-model-deployment")
    return
  end
  if details == "via_upstream" then
    if status ~= "200" then
      local codes = handle:filterContext():get("kind") == "kubernetes" and KUBERNETES or MANAGED
      headers:replace("ms-azureml-model-error-statuscode", status)
      headers:replace("ms-azureml-model-error-reason", "model_error")
      headers:replace(":status", codes.model)
    end
    return
  end
  local codes = handle:filterContext():get("kind") == "kubernetes" and KUBERNETES or MANAGED
  if status == "504" then
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
