import type { Step } from '../core/plan.js';
import type { StepForm } from './draft.js';

/** The body of a smoke request by the file that the spec names. */
export type Bodies = ReadonlyMap<string, string>;

/** The steps of one entry: a ramp over a list becomes one step per share. */
export function compileStep(form: StepForm, allGates: readonly string[], bodies: Bodies): readonly Step[] {
  if (form === 'cutover') return [{ kind: 'cutover' }];
  if ('create' in form) return [{ kind: 'create', readyWithinMs: form.create['ready-within'] }];
  if ('smoke' in form) {
    const { request, count } = smokeOf(form);
    return [{ kind: 'smoke', body: bodies.get(request) ?? '', requestFile: request, count }];
  }
  if ('delete-baseline' in form) {
    return [{ kind: 'delete-baseline', drainWithinMs: form['delete-baseline']['drain-within'] }];
  }
  const gates = form.gates ?? allGates;
  if ('approve' in form) {
    const { within, by } = typeof form.approve === 'number' ? { within: form.approve } : form.approve;
    return [{ kind: 'approve', withinMs: within, ...(by === undefined ? {} : { by }), gates }];
  }
  if ('bake' in form) return [{ kind: 'bake', forMs: form.bake, gates, undecided: form.undecided }];
  const watched = { dwell: form.for, gates, undecided: form.undecided };
  if ('mirror' in form) return [{ kind: 'mirror', percent: form.mirror, ...watched }];
  return sharesOf(form).map((percent) => ({ kind: 'ramp', percent, ...watched }));
}

export function sharesOf(form: Extract<StepForm, { ramp: unknown }>): readonly number[] {
  return Array.isArray(form.ramp) ? form.ramp : [form.ramp];
}

const ONE_REQUEST_COUNT = 5;

export function smokeOf(form: Extract<StepForm, { smoke: unknown }>): { request: string; count: number } {
  return typeof form.smoke === 'string' ? { request: form.smoke, count: ONE_REQUEST_COUNT } : form.smoke;
}
