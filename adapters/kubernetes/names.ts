/** On Deployments and Services, and on the pods of our own: which endpoint they belong to, and as which deployment. */
export const ENDPOINT_LABEL = 'greenlight/endpoint';
export const DEPLOYMENT_LABEL = 'greenlight/deployment';
/** On what Greenlight made itself, apart from what was labelled by hand. */
export const MADE_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MADE_BY = 'greenlight';

/** A deployment's tags, as JSON: their names may be what no annotation's may. */
export const TAGS_ANNOTATION = 'greenlight/tags';
/** How long one request to a deployment may take, milliseconds. */
export const TIMEOUT_ANNOTATION = 'greenlight/request-timeout-ms';
/** On a route whose rules Greenlight writes: from then on, another owner of them is drift. */
export const ROUTE_ANNOTATION = 'greenlight/rules';
/** On a route: the version that a write was made on which changed nothing else, so that no write from before fits it any more. */
export const WRITTEN_ON_ANNOTATION = 'greenlight/written-on';
/** On a route: the path that requests to its model go to. */
export const PATH_ANNOTATION = 'greenlight/scoring-path';

/** Names the one deployment that a request is for. */
export const PIN_HEADER = 'azureml-model-deployment';
/** A value of that header that no deployment can have: names begin with a letter. */
export const NOBODY = '-';

/** What the objects of a deployment of ours are called. */
export function objectName(endpoint: string, deployment: string): string {
  return `${endpoint}-${deployment}`;
}

export function deploymentLabels(endpoint: string, deployment: string): Readonly<Record<string, string>> {
  return { [ENDPOINT_LABEL]: endpoint, [DEPLOYMENT_LABEL]: deployment };
}
