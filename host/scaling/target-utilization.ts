/** How a Kubernetes deployment scales: azureml-fe's rule. */
export interface TargetUtilization {
  readonly minInstances: number;
  readonly maxInstances: number;
  /** Whole percent. */
  readonly targetPercent: number;
  readonly pollingMs: number;
}

/** How long low readings must hold before instances are taken away, milliseconds. */
export const LOW_FOR_MS = 60_000;

/** What is remembered between looks: when the low readings began, and the most that any of them wanted. */
export interface LowReadings {
  readonly sinceMs: number;
  readonly mostWanted: number;
}

export interface Decision {
  readonly instances: number;
  readonly low: LowReadings | undefined;
}

/**
 * Instances that carry the requests at the target utilisation.
 *
 * `replicas = ceil(busy / (target × concurrent))`, in whole percent, so that no fraction is rounded before the ceiling.
 *
 * @param busy - requests that instances work on, and those that wait for one.
 * @see azureml-fe, "Understand scaling": 20 req/s of 10 s at 70 % with 1 at once need 286
 */
export function wantedInstances(busy: number, concurrent: number, rule: TargetUtilization): number {
  const wanted = Math.ceil((busy * 100) / (rule.targetPercent * concurrent));
  return Math.min(rule.maxInstances, Math.max(rule.minInstances, wanted));
}

/** Adds at the first high reading; takes away once readings were low for a whole minute, down to the most they wanted. */
export function decide(
  busy: number,
  concurrent: number,
  instances: number,
  rule: TargetUtilization,
  low: LowReadings | undefined,
  nowMs: number,
): Decision {
  const wanted = wantedInstances(busy, concurrent, rule);
  if (wanted >= instances) return { instances: wanted, low: undefined };
  // Bounds are no matter of load: a lower maximum counts at once.
  if (instances > rule.maxInstances) return { instances: rule.maxInstances, low: undefined };
  const since = low ?? { sinceMs: nowMs, mostWanted: wanted };
  const mostWanted = Math.max(since.mostWanted, wanted);
  if (nowMs - since.sinceMs < LOW_FOR_MS) return { instances, low: { sinceMs: since.sinceMs, mostWanted } };
  return { instances: mostWanted, low: undefined };
}
