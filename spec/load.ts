import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nameOn, PLAN_VERSION, type Plan, type Target } from '../core/plan.js';
import { compileDeployment } from './compile-deployment.js';
import { readDeploymentForm, type Deployment } from './deployment-form.js';
import { compileGate, compileWatching } from './compile-gates.js';
import { compileChannels } from './compile-notify.js';
import { compileStep } from './compile-steps.js';
import { planDigest } from './digest.js';
import { readDraft, stepsFor, type Draft, type StepForm } from './draft.js';
import { lookAt, realInside } from './files.js';
import { hidingSecrets, MOST_PROBLEMS, type Problem } from './problem.js';
import { readYaml } from './read-yaml.js';
import {
  fileProblem,
  resolveDeploymentFiles,
  resolveRequests,
  shownBeside,
  type NamedFiles,
} from './resolve-files.js';
import { rulesOf } from './rules/index.js';
import type { Source } from './source.js';

/** A spec that meets every rule, with all that was read for it. */
interface Spec {
  readonly draft: Draft;
  readonly deployment: Deployment;
  readonly steps: readonly (StepForm | null)[];
  readonly files: NamedFiles;
  /** Real path of the spec's folder. */
  readonly root: string;
}

export interface Parsed {
  /** There when no problem is an error. */
  readonly spec: Spec | undefined;
  /** Errors and warnings, by place. */
  readonly problems: readonly Problem[];
}

export type Loaded =
  | { readonly ok: true; readonly plan: Plan; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads a rollout spec and every file that it names, and compiles a plan.
 *
 * Nothing is thrown for what stands in the files: all problems come back at once.
 *
 * @param file - path of the spec; problems name it as it is given here.
 */
export async function loadSpec(file: string): Promise<Loaded> {
  const { spec, problems } = await parseSpec(file);
  return spec ? { ok: true, plan: compile(spec), warnings: problems } : { ok: false, problems };
}

/** Reads a rollout spec and every file that it names, and checks all rules. */
export async function parseSpec(file: string): Promise<Parsed> {
  const reading = await readYaml(file, file, 'spec');
  if (!reading.source) return { spec: undefined, problems: shortened(reading.problems) };
  const { draft, problems: draftProblems } = readDraft(reading.source);
  const root = await realpath(dirname(file));
  const green = await readDeployment(draft, file, root);
  const steps = stepsFor(draft);
  const requests = await resolveRequests(reading.source, steps, { root, folder: root });
  const problems = shortened(
    hidingSecrets([
      ...reading.problems,
      ...draftProblems,
      ...green.problems,
      ...requests.problems,
      ...rulesOf({ draft, steps, deployment: green.form, deploymentSource: green.source }),
    ]).toSorted(byPlace(file)),
  );
  const failed = problems.some((problem) => problem.severity === 'error');
  if (failed || !green.form || !green.files) return { spec: undefined, problems };
  const files = { ...green.files, bodies: requests.bodies };
  return { spec: { draft, deployment: green.form, steps, files, root }, problems };
}

/** The plan of a spec that has no errors: every default explicit. */
function compile({ draft, deployment, steps, files, root }: Spec): Plan {
  const { fields } = draft;
  const watching = known(fields.watching);
  const gates = [...draft.gates].map(([name, form]) => compileGate(name, known(form), watching));
  const names = gates.map(({ name }) => name);
  const target = compileTarget(known(fields.target));
  const plan: Omit<Plan, 'digest'> = {
    planVersion: PLAN_VERSION,
    endpoint: nameOn(target, known(fields.endpoint)),
    target,
    baseline: fields.baseline === undefined ? null : nameOn(target, fields.baseline),
    deployment: {
      ...compileDeployment(deployment, target, (named) => known(files.real.get(named))),
      ...(files.digest === undefined ? {} : { filesDigest: files.digest }),
    },
    adopt: known(fields.adopt),
    afterRollback: known(fields['after-rollback']),
    rollbackWithinMs: known(fields['rollback-within']),
    ...(fields.approvers === undefined ? {} : { approvers: fields.approvers }),
    ...(fields.notify === undefined ? {} : { notify: compileChannels(fields.notify, 'notify') }),
    watching: compileWatching(watching),
    gates,
    steps: steps.flatMap((step) => compileStep(known(step), names, files.bodies)),
  };
  return { ...plan, digest: planDigest(plan, root) };
}

function known<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new TypeError('a spec with errors cannot be compiled');
  return value;
}

function compileTarget(target: NonNullable<Draft['fields']['target']>): Target {
  if ('host' in target) return { kind: 'host', workspace: target.host.workspace };
  if ('kubernetes' in target) {
    const { namespace, context } = target.kubernetes;
    return { kind: 'kubernetes', namespace, ...(context === undefined ? {} : { context }) };
  }
  const { subscription, workspace, 'resource-group': resourceGroup } = target.azureml;
  return { kind: 'azureml', subscription, resourceGroup, workspace };
}

interface Green {
  readonly form: Deployment | undefined;
  readonly source: Source | undefined;
  readonly files: NamedFiles | undefined;
  readonly problems: readonly Problem[];
}

async function readDeployment(draft: Draft, file: string, root: string): Promise<Green> {
  const nothing = { form: undefined, source: undefined, files: undefined };
  const named = draft.fields.deployment;
  if (named === undefined) return { ...nothing, problems: [] };
  const real = await realInside(root, root, named);
  const look = real.ok ? await lookAt(real.value, 'file') : real;
  if (!real.ok || !look.ok) {
    const fault = real.ok ? look : real;
    return {
      ...nothing,
      problems: fault.ok ? [] : [fileProblem(draft.source, ['deployment'], named, fault)],
    };
  }
  const reading = await readYaml(real.value, shownBeside(file, named), 'deployment');
  const onKubernetes = draft.fields.target !== undefined && 'kubernetes' in draft.fields.target;
  if (!reading.source) return { ...nothing, problems: reading.problems };
  const { form, source, problems } = readDeploymentForm(reading.source, onKubernetes);
  if (!form) return { ...nothing, source, problems: [...reading.problems, ...problems] };
  const files = await resolveDeploymentFiles(source, form, { root, folder: dirname(real.value) });
  return { form, source, files, problems: [...reading.problems, ...problems, ...files.problems] };
}

/** The first problems, errors before warnings, and a last one that says that there are more. */
function shortened(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= MOST_PROBLEMS) return problems;
  const errors = problems.filter(({ severity }) => severity === 'error');
  const shown = (errors.length === 0 ? problems : errors).slice(0, MOST_PROBLEMS);
  const { file, severity } = shown[0] ?? { file: '', severity: 'error' };
  const more: Problem = {
    severity,
    code: 'spec/more-problems',
    message: `there are more problems than the ${MOST_PROBLEMS} that are shown`,
    help: 'mend these first, and check that it is the right file',
    path: '',
    file,
    at: null,
  };
  return [...shown, more];
}

/** The spec's own problems first, then by file and place. */
function byPlace(spec: string) {
  return (a: Problem, b: Problem): number =>
    Number(a.file !== spec) - Number(b.file !== spec) ||
    (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
    (a.at?.range[0] ?? -1) - (b.at?.range[0] ?? -1);
}
