import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join } from 'node:path';
import { parseDocument } from 'yaml';
import { LARGEST_REQUEST } from './defaults.js';
import { smokeOf } from './compile-steps.js';
import { isAssetId } from './compile-deployment.js';
import type { StepForm } from './draft.js';
import { lookAt, readText, realInside, type Outcome } from './files.js';
import { digestOf } from './named-files.js';
import { withoutAddresses, type Path, type Problem } from './problem.js';
import type { Deployment } from './schema/deployment.js';
import { problemAt, type Source } from './source.js';

/** The files that a spec and its deployment file name, looked at. */
export interface NamedFiles {
  /** Real paths, by the name in the deployment file. */
  readonly real: ReadonlyMap<string, string>;
  /** Request bodies, by the name in the spec. */
  readonly bodies: ReadonlyMap<string, string>;
  /** Contents of the deployment's files; undefined when it names none. */
  readonly digest: string | undefined;
  readonly problems: readonly Problem[];
}

/** Where a spec's files may lie. */
export interface Folders {
  /** Real path of the spec's folder. */
  readonly root: string;
  /** Real path of the folder of the file that names others. */
  readonly folder: string;
}

const LARGEST_CONDA_FILE = 256 * 1024;

export async function resolveDeploymentFiles(
  source: Source,
  form: Deployment,
  folders: Folders,
): Promise<NamedFiles> {
  const real = new Map<string, string>();
  const problems: Problem[] = [];
  const hash = createHash('sha256');
  for (const { path, named, want } of filesOf(form)) {
    const found = await usable(folders, named, want);
    if (!found.ok) {
      problems.push(fileProblem(source, path, named, found));
      continue;
    }
    real.set(named, found.value);
    const digest = await digestOf(folders.root, found.value);
    if (digest.ok) hash.update(`${path.join('.')} ${digest.value}\n`);
    else problems.push(fileProblem(source, path, named, digest));
  }
  problems.push(...(await scriptProblems(source, form, folders, real)));
  problems.push(...(await condaProblems(source, form, real)));
  return { real, bodies: new Map(), digest: real.size === 0 ? undefined : hash.digest('hex'), problems };
}

interface Wanted {
  readonly path: Path;
  readonly named: string;
  readonly want: 'file' | 'folder' | 'any';
}

/** What the deployment file names on this machine. */
export function filesOf(form: Deployment): readonly Wanted[] {
  const { model, code_configuration: code, environment } = form;
  const wanted: Wanted[] = [];
  if (typeof model === 'object') wanted.push({ path: ['model', 'path'], named: model.path, want: 'any' });
  if (code) wanted.push({ path: ['code_configuration', 'code'], named: code.code, want: 'folder' });
  if (typeof environment === 'object' && environment.conda_file !== undefined) {
    wanted.push({ path: ['environment', 'conda_file'], named: environment.conda_file, want: 'file' });
  }
  return wanted.filter(({ named }) => !isAssetId(named));
}

async function usable(
  { root, folder }: Folders,
  named: string,
  want: Wanted['want'],
): Promise<Outcome<string>> {
  const real = await realInside(root, folder, named);
  if (!real.ok) return real;
  const look = await lookAt(real.value, want);
  return look.ok ? real : look;
}

async function scriptProblems(
  source: Source,
  { code_configuration: code }: Deployment,
  { root }: Folders,
  real: ReadonlyMap<string, string>,
): Promise<Problem[]> {
  const folder = code && real.get(code.code);
  if (folder === undefined) return [];
  const found = await usable({ root: folder, folder }, code?.scoring_script ?? '', 'file');
  if (found.ok || (await usable({ root, folder }, code?.scoring_script ?? '', 'file')).ok) {
    return found.ok
      ? []
      : [
          problemAt(source, ['code_configuration', 'scoring_script'], {
            code: 'script-outside',
            message: `${code?.scoring_script} lies outside the code folder ${code?.code}`,
            help: 'name a script inside the code folder, relative to it',
          }),
        ];
  }
  return [
    problemAt(source, ['code_configuration', 'scoring_script'], {
      code: found.fault.code,
      message: `${join(code?.code ?? '', code?.scoring_script ?? '')} ${found.fault.message}`,
      help: 'the scoring script is named relative to the code folder',
    }),
  ];
}

async function condaProblems(
  source: Source,
  { environment }: Deployment,
  real: ReadonlyMap<string, string>,
): Promise<Problem[]> {
  const named = typeof environment === 'object' ? environment.conda_file : undefined;
  const path = named === undefined ? undefined : real.get(named);
  if (named === undefined || path === undefined) return [];
  const at = ['environment', 'conda_file'];
  const text = await readText(path, LARGEST_CONDA_FILE);
  if (!text.ok) return [fileProblem(source, at, named, text)];
  if (parseDocument(text.value).errors.length === 0) return [];
  return [
    problemAt(source, at, {
      code: 'conda-file',
      message: `${named} is not YAML`,
      help: 'check it with "conda env create"',
    }),
  ];
}

/** Reads the requests that smoke steps send; they travel in the plan. */
export async function resolveRequests(
  source: Source,
  steps: readonly (StepForm | null)[],
  folders: Folders,
): Promise<{ readonly bodies: ReadonlyMap<string, string>; readonly problems: readonly Problem[] }> {
  const bodies = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [index, step] of steps.entries()) {
    if (step === null || typeof step === 'string' || !('smoke' in step)) continue;
    const { request } = smokeOf(step);
    const path = ['steps', index, 'smoke', ...(typeof step.smoke === 'string' ? [] : ['request'])];
    const real = await usable(folders, request, 'file');
    const text = real.ok ? await readText(real.value, LARGEST_REQUEST) : real;
    if (!text.ok) {
      problems.push(fileProblem(source, path, request, text));
      continue;
    }
    const fault = jsonFault(text.value);
    if (fault === undefined) bodies.set(request, text.value);
    else {
      problems.push(
        problemAt(source, path, {
          code: 'request-json',
          message: `${request} is not JSON: ${fault}`,
          help: 'the file holds the body of one request, e.g. {"data": [[1, 2, 3]]}',
        }),
      );
    }
  }
  return { bodies, problems };
}

function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'it does not parse';
  }
}

export function fileProblem(
  source: Source,
  path: Path,
  named: string,
  found: Outcome<unknown> & { ok: false },
): Problem {
  const { code, message, help } = found.fault;
  return problemAt(source, path, { code, message: `${withoutAddresses(named)} ${message}`, help });
}

/** The file as the user would name it from where they stand. */
export function shownBeside(spec: string, named: string): string {
  return isAbsolute(named) ? named : join(dirname(spec), named);
}
