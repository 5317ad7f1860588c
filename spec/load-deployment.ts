import { realpath } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';
import type { DeploymentSpec } from '../core/deployment.js';
import type { Target } from '../core/plan.js';
import { compileDeployment } from './compile-deployment.js';
import { readDeploymentForm } from './deployment-form.js';
import { hidingSecrets, type Problem } from './problem.js';
import { readYaml } from './read-yaml.js';
import { resolveDeploymentFiles } from './resolve-files.js';
import { placedDeploymentRules } from './rules/deployment.js';

export type LoadedDeployment =
  | { readonly ok: true; readonly deployment: DeploymentSpec; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads a deployment file by itself, as a spec would: for the first deployment of an endpoint, which no spec names.
 *
 * Its files may lie in the folder that the command runs in, or beside it where it lies elsewhere.
 */
export async function loadDeployment(
  file: string,
  target: Target,
  endpoint: string,
): Promise<LoadedDeployment> {
  const reading = await readYaml(file, file, 'deployment');
  if (!reading.source) return { ok: false, problems: reading.problems };
  const { form, source, problems } = readDeploymentForm(reading.source, target.kind === 'kubernetes');
  const soFar = [...reading.problems, ...problems];
  if (!form) return { ok: false, problems: soFar };
  const [folder, here] = await Promise.all([realpath(dirname(file)), realpath(process.cwd())]);
  const way = relative(here, folder);
  const root = way === '..' || way.startsWith(`..${sep}`) ? folder : here;
  const files = await resolveDeploymentFiles(source, form, { root, folder });
  const rules = placedDeploymentRules(form, source, {
    endpoint,
    onAzure: target.kind === 'azureml',
    namespace: target.kind === 'kubernetes' ? target.namespace : undefined,
  });
  const all = hidingSecrets([...soFar, ...files.problems, ...rules]);
  if (all.some(({ severity }) => severity === 'error')) return { ok: false, problems: all };
  const real = (named: string): string => files.real.get(named) ?? named;
  const deployment: DeploymentSpec = {
    ...compileDeployment(form, target, real),
    ...(files.digest === undefined ? {} : { filesDigest: files.digest }),
  };
  return { ok: true, deployment, problems: all };
}
