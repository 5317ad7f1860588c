import { NO_KUBERNETES_METRICS } from '../core/capabilities.js';
import type { EndpointState } from '../core/endpoint.js';
import type { Target } from '../core/plan.js';
import { shareOf } from '../core/traffic.js';

/** What `greenlight init` writes for an endpoint: texts, before any file is touched. */
export interface InitialFiles {
  readonly baseline: string;
  readonly spec: string;
  /** A deployment file to fill in; for who has none yet. */
  readonly deployment: string;
}

export interface InitialChoices {
  readonly target: Target;
  /** The deployment file as the spec names it, relative to the spec. */
  readonly deploymentFile: string;
}

/**
 * A commented spec for an endpoint as it stands.
 *
 * @returns undefined when no deployment holds all live traffic: there is nothing to compare with, or to return to.
 */
export function initialFiles(endpoint: EndpointState, choices: InitialChoices): InitialFiles | undefined {
  const baseline = endpoint.deployments.find(({ name }) => shareOf(endpoint.traffic.live, name) === 100);
  if (baseline === undefined) return undefined;
  const green = freeName(new Set(endpoint.deployments.map(({ name }) => name)));
  return {
    baseline: baseline.name,
    spec: specText(endpoint, baseline.name, choices),
    deployment: deploymentText(endpoint, choices.target, green, baseline.instances.wanted),
  };
}

/** The other of the usual two; else the first number that is free. */
function freeName(taken: ReadonlySet<string>): string {
  for (const name of ['green', 'blue']) if (!taken.has(name)) return name;
  for (let i = 2; ; i++) if (!taken.has(`green-${i}`)) return `green-${i}`;
}

function specText(
  endpoint: EndpointState,
  baseline: string,
  { target, deploymentFile }: InitialChoices,
): string {
  return `# A rollout of ${endpoint.name}. \`greenlight validate\` checks it, \`greenlight plan\` shows every default,
# \`greenlight submit --wait\` runs it. Everything but endpoint and deployment may be left out.
version: 1
endpoint: ${endpoint.name}
deployment: ${deploymentFile} # an Azure ML deployment file, as \`az ml\` takes it
baseline: ${baseline} # who serves now, whom green is compared with, and who gets everything back
target: ${targetText(target)}

# A breach of any gate rolls back at once. A required gate has to be proven before its step goes on.
gates:
${gatesText(endpoint, target, baseline)}
steps:
  - create # green, without traffic
  # A request that green has to answer before it gets traffic; put one into the file and take the # away:
  # - smoke: { request: ./sample-request.json, count: 20 }
${mirrorText(endpoint, target)}  - ramp: [10%, 25%, 50%] # live traffic
    for: 2m .. 30m # at least, at most; goes on in between as soon as every required gate is proven
    undecided: hold # where the gates could not decide: ask a person (hold), roll-back or proceed
  # - approve: { within: 24h } # a person says yes or no; no answer rolls back
  - cutover # all live traffic; ${baseline} stays warm
${bakeText(endpoint, target)}  - delete-baseline
`;
}

/** Whether nobody counts its requests (docs/metrics.md). */
function uncounted({ kind }: EndpointState, target: Target): boolean {
  return target.kind === 'azureml' && kind === 'kubernetes';
}

function gatesText(endpoint: EndpointState, target: Target, baseline: string): string {
  if (uncounted(endpoint, target)) {
    return `  # ${NO_KUBERNETES_METRICS.because}:
  # put the counters of your cluster here (docs/metrics.md, "Metrics of your own").
  errors:
    metric:
      bad: 'REQUESTS_total{deployment="$deployment",code=~"5.."}'
      total: 'REQUESTS_total{deployment="$deployment"}'
    worse-by: 0.5pp # at most half a percentage point more errors than ${baseline}
`;
  }
  return `  errors: { metric: error-rate, worse-by: 0.5pp } # at most half a percentage point more errors than ${baseline}
${latencyText(target, baseline)}  # A limit of your own, whatever ${baseline} does:
  # slo: { metric: error-rate, at-most: 1% }
`;
}

function bakeText(endpoint: EndpointState, target: Target): string {
  const watched = 'watched on, and still rolled back on a breach';
  if (!uncounted(endpoint, target)) return `  - bake: 30m # ${watched}\n`;
  return `  - bake: 30m # ${watched}
    undecided: proceed # without counts of requests, no bake can be told from one without any
`;
}

function latencyText({ kind }: Target, baseline: string): string {
  const limit = `  slow: { metric: latency, quantile: p95, at-most: 250ms } # a limit above what ${baseline} takes now: else every version is rolled back\n`;
  const against = (where: string): string =>
    `  # ${where}:\n` +
    `  # latency: { metric: latency, quantile: p95, slower-by: 10% } # p95 at most a tenth slower than ${baseline}'s\n`;
  switch (kind) {
    case 'azureml':
      return '  # Azure Monitor has no histograms: latency needs a metric of your own in Prometheus.\n';
    case 'kubernetes':
      // By a stock proxy's buckets (…, 25, 50, 100 ms, …) a tenth takes hours to be proven at usual traffic.
      return (
        limit +
        against('Where the proxy has finer buckets than a stock one (docs/metrics.md, "Finer buckets")')
      );
    case 'host':
      // A model at hand answers within milliseconds, a tenth of which is less than any traffic here can prove.
      return limit + against(`Where ${baseline} takes tens of milliseconds`);
    default:
      return kind satisfies never;
  }
}

/** Only where copies are made, and how green answers them can be told. */
function mirrorText({ kind }: EndpointState, target: Target): string {
  if (target.kind === 'azureml' || (target.kind === 'host' && kind === 'kubernetes')) return '';
  return `  - mirror: 10% # copies of live requests, whose answers nobody sees
    for: 2m .. 20m
`;
}

function targetText(target: Target): string {
  switch (target.kind) {
    case 'host':
      return `{ host: { workspace: ${target.workspace} } }`;
    case 'azureml':
      return `{ azureml: { subscription: ${target.subscription}, resource-group: ${target.resourceGroup}, workspace: ${target.workspace} } }`;
    case 'kubernetes': {
      const context = target.context === undefined ? '' : `, context: ${target.context}`;
      return `{ kubernetes: { namespace: ${target.namespace}${context} } }`;
    }
    default:
      return target satisfies never;
  }
}

function deploymentText(
  { name, kind }: EndpointState,
  target: Target,
  green: string,
  instances: number,
): string {
  return `# The new version. An Azure ML deployment file, as \`az ml online-deployment create --file\` takes it.
name: ${green}
endpoint_name: ${name}
type: ${kind}
${PARTS[target.kind]}instance_count: ${Math.max(1, instances)} # as many as serve now: it will carry the same traffic
`;
}

const LOCAL_PARTS = `model: azureml:MODEL:VERSION # or { path: ./model.joblib }
environment: azureml:ENVIRONMENT:VERSION
code_configuration:
  code: ./scoring # folder of the scoring script
  scoring_script: score.py
instance_type: Standard_DS3_v2
`;

/** Nothing is uploaded: Azure ML has to know every part already. */
const REGISTERED_PARTS = `model: azureml:MODEL:VERSION # a registered model
environment: azureml:ENVIRONMENT:VERSION # a registered environment
# Registered code, by its id; an MLflow model needs none:
# code_configuration: { code: 'azureml:/subscriptions/…/codes/NAME/versions/1', scoring_script: score.py }
instance_type: Standard_DS3_v2
`;

const CONTAINER = `environment: { image: REGISTRY/MODEL:VERSION } # model, code and packages are in it
# properties: { greenlight.port: "5001", greenlight.probePath: / } # where it listens, and what its probes ask
`;

const PARTS = { host: LOCAL_PARTS, azureml: REGISTERED_PARTS, kubernetes: CONTAINER } as const;
