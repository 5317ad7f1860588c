import type { DeploymentManifest } from '../core/deployment.js';
import { quote, type Path, type Problem } from './problem.js';
import { check } from './schema/check.js';
import { isMapping } from './schema/choice.js';
import { Deployment as AzureDeployment } from './schema/deployment.js';
import { InferenceServiceManifest, Manifest } from './schema/manifest.js';
import { plainScalars } from './scalar-texts.js';
import { problemAt, type Complaint, type Source } from './source.js';

/** A deployment file: Azure ML's fields, and what a Kubernetes manifest says beyond them. */
export type Deployment = AzureDeployment & { readonly manifest?: DeploymentManifest };

export interface DeploymentForm {
  readonly form: Deployment | undefined;
  /** With the texts that may stand unquoted as they stand. */
  readonly source: Source;
  readonly problems: readonly Problem[];
}

/**
 * Reads a deployment file as what it is: an Azure ML online deployment, or a Kubernetes Deployment.
 *
 * @param onKubernetes - whether it is for a Kubernetes namespace, where Azure ML's reasons are none.
 */
export function readDeploymentForm(read: Source, onKubernetes: boolean): DeploymentForm {
  if (isMapping(read.value) && isManifest(read.value)) {
    return read.value['kind'] === 'InferenceService' ? readInferenceService(read) : readManifest(read);
  }
  const source = plainScalars(read);
  const { value, problems } = check(source, AzureDeployment, source.value, []);
  return { form: value, source, problems: onKubernetes ? problems.map(withoutAzure) : problems };
}

/** Also one that forgot its first line. */
function isManifest(value: Readonly<Record<string, unknown>>): boolean {
  return 'apiVersion' in value || ('kind' in value && 'metadata' in value);
}

function withoutAzure(problem: Problem): Problem {
  if (problem.code !== 'deployment/not-carried') return problem;
  return {
    ...problem,
    message: `${quote(problem.path)} is not carried to Kubernetes by a file of this form`,
    help: 'leave it out, or write the deployment as a Kubernetes manifest (apiVersion: apps/v1, kind: Deployment), which says all of it',
  };
}

function readManifest(source: Source): DeploymentForm {
  const { value: manifest, problems } = check(source, Manifest, source.value, []);
  if (manifest === undefined) return { form: undefined, source, problems };
  const port = portOf(manifest);
  if (typeof port !== 'number') {
    return { form: undefined, source, problems: [...problems, problemAt(source, port.path, port.complaint)] };
  }
  const { replicas, ...spec } = manifest.spec;
  const { name, labels = {}, annotations = {} } = manifest.metadata;
  const form = {
    ...AzureDeployment.parse({ name, type: 'kubernetes', instance_count: replicas }),
    manifest: { labels, annotations, spec, port },
  };
  return { form, source, problems };
}

/** Where KServe's model servers listen, unless their container says otherwise. */
const KSERVE_PORT = 8080;

function readInferenceService(source: Source): DeploymentForm {
  const { value: manifest, problems } = check(source, InferenceServiceManifest, source.value, []);
  if (manifest === undefined) return { form: undefined, source, problems };
  const { name, labels = {}, annotations = {} } = manifest.metadata;
  const { predictor } = manifest.spec;
  const form = {
    ...AzureDeployment.parse({ name, type: 'kubernetes', instance_count: predictor.minReplicas }),
    manifest: {
      kind: 'InferenceService' as const,
      labels,
      annotations,
      spec: manifest.spec,
      // KServe's own Service leads to the first port as well.
      port: predictor.containers?.[0]?.ports?.[0]?.containerPort ?? KSERVE_PORT,
    },
  };
  return { form, source, problems };
}

/** The port that takes requests: the one that is named http, or the only one. */
function portOf(manifest: Manifest): number | { readonly path: Path; readonly complaint: Complaint } {
  const ports = manifest.spec.template.spec.containers.flatMap((container) => container.ports ?? []);
  const [only, ...more] = ports.some(({ name }) => name === 'http')
    ? ports.filter(({ name }) => name === 'http')
    : ports;
  if (only !== undefined && more.length === 0) return only.containerPort;
  return {
    path: ['spec', 'template', 'spec', 'containers'],
    complaint: {
      code: 'port',
      message: `the containers have ${ports.length} ports; expected one that takes requests`,
      help: 'write "ports: [{ name: http, containerPort: 5001 }]" at the container that serves',
      key: true,
    },
  };
}
