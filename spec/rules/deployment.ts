import { parseAssetId } from '../../core/asset-id.js';
import { isBrokenReference, secretName } from '../../core/secrets.js';
import { isAssetId } from '../compile-deployment.js';
import { onAzure } from '../draft.js';
import { quote, type Path, type Problem } from '../problem.js';
import { filesOf } from '../resolve-files.js';
import type { Deployment } from '../deployment-form.js';
import { isSecretName } from '../secret-lines.js';
import { problemAt, type Complaint, type Source } from '../source.js';
import type { Facts } from './facts.js';
import { kubernetesRules, manifestRules } from './kubernetes.js';

/** The deployment fits its kind, the spec and the target. */
export function deploymentRules({ draft, deployment, deploymentSource }: Facts): Problem[] {
  if (!deployment || !deploymentSource) return [];
  const { endpoint, baseline, target } = draft.fields;
  const placed = placedDeploymentRules(deployment, deploymentSource, {
    endpoint,
    onAzure: onAzure(target),
    namespace: target !== undefined && 'kubernetes' in target ? target.kubernetes.namespace : undefined,
  });
  if (baseline === undefined || !same(baseline, deployment.name)) return placed;
  return [
    ...placed,
    problemAt(draft.source, ['baseline'], {
      code: 'same-name',
      message: `the baseline and the new deployment are both named ${quote(deployment.name)}`,
      help: `give the new one another name in ${deploymentSource.file}`,
    }),
  ];
}

/** Where a deployment is to be created, as far as it is known. */
export interface Place {
  readonly endpoint: string | undefined;
  readonly onAzure: boolean;
  /** Of Kubernetes; undefined on other targets. */
  readonly namespace: string | undefined;
}

/** The deployment fits its kind, its endpoint and the target, whatever creates it. Points into the deployment file. */
export function placedDeploymentRules(deployment: Deployment, source: Source, place: Place): Problem[] {
  const { endpoint, namespace } = place;
  return [
    ...endpointRules(deployment, endpoint),
    // A namespace runs no managed ones, and is told so by its own rules.
    ...(namespace !== undefined && deployment.type === 'managed' ? [] : kindRules(deployment)),
    ...probeRules(deployment),
    ...secretRules(deployment),
    ...(place.onAzure ? azureRules(deployment, endpoint) : []),
    ...(namespace !== undefined
      ? kubernetesRules(deployment, source, { endpoint, namespace })
      : [...manifestRules(deployment), ...assetRules(deployment)]),
  ].map(([path, complaint]) => problemAt(source, path, complaint));
}

export type Finding = readonly [Path, Complaint];

/** Azure treats names that differ in case only as one. */
function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function endpointRules({ endpoint_name: named }: Deployment, endpoint: string | undefined): Finding[] {
  if (endpoint === undefined || named === undefined || same(named, endpoint)) return [];
  return [
    [
      ['endpoint_name'],
      {
        code: 'other-endpoint',
        message: `this is a deployment of ${quote(named)}; expected one of ${quote(endpoint)}`,
        help: `write "endpoint_name: ${endpoint}", or leave it out`,
      },
    ],
  ];
}

function secretRules({ environment_variables: variables }: Deployment): Finding[] {
  return Object.entries(variables).flatMap(([name, value]): Finding[] => {
    const path = ['environment_variables', name];
    if (isBrokenReference(value)) {
      return [
        [
          path,
          {
            code: 'secret',
            message: 'this is no reference to a secret; expected ${secret:NAME} and nothing beside it',
            help: 'the name has 1 to 64 letters, digits, dots, dashes and underscores; for a text with a secret in it, make the whole text the secret',
          },
        ],
      ];
    }
    if (secretName(value) !== undefined || value === '' || !isSecretName(name)) return [];
    return [
      [
        path,
        {
          severity: 'warning',
          code: 'plain-secret',
          message: `${quote(name)} looks like a secret, and its value would stand in the plan and in Temporal`,
          help: 'write "${secret:NAME}", and give NAME to the worker: docs/encryption.md',
        },
      ],
    ];
  });
}

const LONGEST_TIMEOUT_MS = { managed: 180_000, kubernetes: 300_000 } as const;

function kindRules(form: Deployment): Finding[] {
  const { type, scale_settings: scale, environment } = form;
  const findings: Finding[] = [];
  const timeout = form.request_settings.request_timeout_ms;
  if (timeout > LONGEST_TIMEOUT_MS[type]) {
    findings.push([
      ['request_settings', 'request_timeout_ms'],
      {
        code: 'range',
        message: `must be at most ${LONGEST_TIMEOUT_MS[type]} for a ${type} deployment, got ${timeout}`,
        help: 'milliseconds',
      },
    ]);
  }
  if (type === 'managed' && form.resources)
    findings.push([['resources'], only('resources', 'kubernetes', 'set instance_type')]);
  if (type === 'managed' && scale.type === 'target_utilization') {
    findings.push([
      ['scale_settings', 'type'],
      only(
        'target_utilization',
        'kubernetes',
        'leave it out, and let an autoscale setting of Azure Monitor change instance_count',
      ),
    ]);
  }
  if (type === 'kubernetes' && form.egress_public_network_access !== undefined) {
    findings.push([
      ['egress_public_network_access'],
      only(
        'egress_public_network_access',
        'managed',
        'leave it out; the cluster has network policies of its own',
      ),
    ]);
  }
  if (scale.type === 'target_utilization' && scale.min_instances > scale.max_instances) {
    findings.push([
      ['scale_settings', 'min_instances'],
      {
        code: 'range',
        message: `must be at most max_instances, which is ${scale.max_instances}, got ${scale.min_instances}`,
        help: 'raise max_instances or lower min_instances',
      },
    ]);
  }
  if (
    typeof environment === 'object' &&
    environment.image === undefined &&
    environment.conda_file === undefined
  ) {
    findings.push([
      ['environment'],
      {
        code: 'empty-environment',
        message: 'the environment names neither an image nor a conda file',
        help: 'write "image", "conda_file" or both, or the id of a registered environment',
      },
    ]);
  }
  return findings;
}

/** A label such as `@latest` is another version tomorrow; where assets are deployed by their ids, the target refuses it. */
function assetRules({ model, code_configuration: code, environment }: Deployment): Finding[] {
  const named: [kind: string, path: Path, id: unknown][] = [
    typeof model === 'object' ? ['model', ['model', 'path'], model.path] : ['model', ['model'], model],
    ['code', ['code_configuration', 'code'], code?.code],
    ['environment', ['environment'], environment],
  ];
  return named.flatMap(([kind, path, id]): Finding[] => {
    if (typeof id !== 'string' || !isAssetId(id) || parseAssetId(id) !== undefined) return [];
    return [
      [
        path,
        {
          code: 'asset-version',
          message: `the ${kind} ${quote(id)} names no version; expected azureml:NAME:VERSION, a registry address or a full id`,
          help: 'pin the version, so that what was tested is what is deployed',
        },
      ],
    ];
  });
}

function only(field: string, kind: string, help: string): Complaint {
  return {
    code: 'other-kind',
    message: `"${field}" is for ${kind} deployments, and this one is ${kind === 'managed' ? 'kubernetes' : 'managed'}`,
    help: `${help}, or write "type: ${kind}"`,
    key: field !== 'target_utilization',
  };
}

function probeRules(form: Deployment): Finding[] {
  const successes = form.liveness_probe.success_threshold;
  if (successes === 1) return [];
  return [
    [
      ['liveness_probe', 'success_threshold'],
      {
        code: 'range',
        message: `must be 1 for the liveness probe, got ${successes}`,
        help: 'one success means alive; leave it out',
      },
    ],
  ];
}

const MOST_MANAGED_INSTANCES = 50;
const LONGEST_KUBERNETES_NAMES = 62;

/** Azure ML's own limits, and that nothing is uploaded. */
function azureRules(form: Deployment, endpoint: string | undefined): Finding[] {
  const findings: Finding[] = filesOf(form).map(({ path, named }) => [
    path,
    {
      code: 'local-path',
      message: `${named} is on this machine, and Azure ML cannot see it; expected the id of a registered asset`,
      help: UPLOADS[String(path[0])] ?? 'register it, and name its id',
    },
  ]);
  if (typeof form.environment === 'object') {
    findings.push([
      ['environment'],
      {
        code: 'inline-environment',
        message:
          'an inline environment would have to be registered first; expected the id of a registered one',
        help: 'run "az ml environment create", and name its id, e.g. azureml:my-environment:1',
      },
    ]);
  }
  if (form.type === 'managed' && form.instance_type === undefined) {
    findings.push([
      ['instance_type'],
      {
        code: 'missing-key',
        message: '"instance_type" is missing; a managed deployment on Azure ML needs one',
        help: 'write e.g. "instance_type: Standard_DS3_v2"',
      },
    ]);
  }
  if (form.type === 'managed' && form.instance_count > MOST_MANAGED_INSTANCES) {
    findings.push([
      ['instance_count'],
      {
        code: 'range',
        message: `must be at most ${MOST_MANAGED_INSTANCES} for a managed deployment, got ${form.instance_count}`,
        help: 'the limit of Azure ML per deployment',
      },
    ]);
  }
  const together = form.name.length + (endpoint ?? '').length;
  if (form.type === 'kubernetes' && together > LONGEST_KUBERNETES_NAMES) {
    findings.push([
      ['name'],
      {
        code: 'name',
        message: `the names of endpoint and deployment together must be at most ${LONGEST_KUBERNETES_NAMES} characters long, got ${together}`,
        help: 'choose a shorter name',
      },
    ]);
  }
  return findings;
}

const UPLOADS: Readonly<Record<string, string>> = {
  model: 'run "az ml model create", and write "model: azureml:NAME:VERSION"; nothing is uploaded here',
  code_configuration:
    'name registered code by its id, as "az ml online-deployment show" prints it for a deployment made from this folder, with azureml: before it; nothing is uploaded here',
  environment: 'run "az ml environment create", and write "environment: azureml:NAME:VERSION"',
};
