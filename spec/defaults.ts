/**
 * What a spec without `gates` gets, as if it had been written.
 *
 * @param histograms - whether the target's own metrics can tell how slow requests are.
 */
export function standardGates(histograms: boolean): Readonly<Record<string, unknown>> {
  return {
    errors: { metric: 'error-rate', 'worse-by': '0.5pp' },
    ...(histograms ? { latency: { metric: 'latency', quantile: 'p95', 'slower-by': '10%' } } : {}),
  };
}

/**
 * What a spec without `steps` gets, as if it had been written.
 *
 * No smoke step: it needs a request, which nobody can guess.
 *
 * @param mirrors - whether the target can copy live traffic to green and tell how it answers that.
 */
export function standardSteps(mirrors: boolean): readonly unknown[] {
  return [
    'create',
    ...(mirrors ? [{ mirror: '10%', for: '2m .. 20m' }] : []),
    { ramp: ['10%', '25%', '50%'], for: '2m .. 30m' },
    'cutover',
    { bake: '30m' },
    'delete-baseline',
  ];
}

/** A spell of errors of green alone that cannot roll back by itself: 10 s; latency comes in longer spells. */
export const BLIP_MS = { errors: 10_000, latency: 30_000 } as const;

/** Largest request of a smoke step: it travels in the plan, through the workflow's history. */
export const LARGEST_REQUEST = 64 * 1024;
