import type { Gate, Watching } from '../core/plan.js';
import { BLIP_MS } from './defaults.js';
import { isOwnGate, type Gate as GateForm, type OwnGate } from './schema/gates.js';
import type { Rollout } from './schema/rollout.js';

type WatchingForm = Rollout['watching'];

export function compileWatching(form: WatchingForm): Watching {
  return {
    intervalMs: form.interval,
    warmUpMs: form['warm-up'],
    alpha: form.confidence['roll-back'],
    alphaPass: form.confidence.proceed,
  };
}

/** A gate with every default: its own, else the spec's, else ours. */
export function compileGate(name: string, form: GateForm, watching: WatchingForm): Gate {
  const dispersion = form.dispersion ?? watching.dispersion ?? 'auto';
  const errors = form.metric === 'error-rate' || (isOwnGate(form) && !('quantile' in form));
  const blip = errors ? BLIP_MS.errors : BLIP_MS.latency;
  const base = {
    name,
    role: form.role,
    weight: form.weight ?? null,
    blipMs: form.blip ?? watching.blip ?? blip,
    dispersion:
      dispersion === 'auto' ? ({ mode: 'auto' } as const) : ({ mode: 'fixed', phi: dispersion } as const),
    shared: form.shared ?? watching.shared ?? 'hold',
  };
  if (isOwnGate(form)) return compileOwnGate(base, form);
  switch (form.metric) {
    case 'error-rate':
      return 'at-most' in form
        ? { ...base, metric: 'error-rate', limit: { kind: 'at-most', share: form['at-most'] } }
        : { ...base, metric: 'error-rate', limit: { kind: 'worse-by', ...form['worse-by'] } };
    case 'slow-share':
      return {
        ...base,
        metric: 'slow-share',
        aboveMs: form.above,
        limit:
          'at-most' in form
            ? { kind: 'at-most', share: form['at-most'] }
            : { kind: 'worse-by', ...form['worse-by'] },
      };
    case 'latency':
      return 'at-most' in form
        ? {
            ...base,
            metric: 'latency',
            quantile: form.quantile,
            limit: { kind: 'at-most', ms: form['at-most'] },
          }
        : {
            ...base,
            metric: 'latency',
            quantile: form.quantile,
            limit: { kind: 'slower-by', ratio: form['slower-by'] },
          };
    default:
      return form satisfies never;
  }
}

type Base = Pick<Gate, 'name' | 'role' | 'weight' | 'blipMs' | 'dispersion' | 'shared'>;

function compileOwnGate(base: Base, form: OwnGate): Gate {
  if ('quantile' in form) {
    const own = {
      ...base,
      metric: 'histogram',
      query: { buckets: form.metric.histogram },
      quantile: form.quantile,
    } as const;
    return 'at-most' in form
      ? { ...own, limit: { kind: 'at-most', value: form['at-most'] } }
      : { ...own, limit: { kind: 'higher-by', ratio: form['higher-by'] } };
  }
  const own = { ...base, metric: 'events', query: form.metric } as const;
  return 'at-most' in form
    ? { ...own, limit: { kind: 'at-most', share: form['at-most'] } }
    : { ...own, limit: { kind: 'worse-by', ...form['worse-by'] } };
}
