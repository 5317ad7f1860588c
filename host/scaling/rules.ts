import type { Profile, ScaleRule } from './setting.js';

/** One minute of a metric: what was counted in it, per instance or series. */
export interface Minute {
  readonly atMs: number;
  readonly average: number;
}

/** Minutes of the metric that a rule asks for, oldest first; empty when nothing was measured. */
export type Readings = (rule: ScaleRule) => readonly Minute[];

export interface ScaleDecision {
  readonly instances: number;
  /** For the log. */
  readonly why: string;
}

/**
 * What a profile's rules make of the present number of instances.
 *
 * As Azure Monitor does it: out when any rule says so, by the largest; in only when all rules for it say so, and only if
 * no rule would at once scale out again. Never past the profile's bounds; without any reading at least the default.
 *
 * @returns undefined to leave things as they are.
 */
export function decideByRules(
  profile: Profile,
  instances: number,
  readings: Readings,
  lastScaledMs: number,
  nowMs: number,
): ScaleDecision | undefined {
  const { minimum, maximum, default: usual } = profile.capacity;
  const bounded = (wanted: number): number => Math.min(maximum, Math.max(minimum, wanted));
  if (bounded(instances) !== instances) {
    return { instances: bounded(instances), why: `profile ${profile.name} allows ${minimum} to ${maximum}` };
  }
  const judged = profile.rules.map((rule) => ({ rule, value: valueOf(rule, readings(rule)) }));
  if (judged.length > 0 && judged.every(({ value }) => value === undefined)) {
    return instances < usual
      ? { instances: usual, why: `no metric has data; profile ${profile.name} has default ${usual}` }
      : undefined;
  }
  const ready = (rule: ScaleRule): boolean => nowMs - lastScaledMs >= rule.scaleAction.cooldown;
  const out = judged
    .filter(
      ({ rule, value }) => rule.scaleAction.direction === 'Increase' && ready(rule) && meets(rule, value),
    )
    .map(({ rule, value }) => ({ rule, value, instances: bounded(after(rule, instances)) }))
    .sort((a, b) => b.instances - a.instances)[0];
  if (out && out.instances > instances) return { instances: out.instances, why: reason(out.rule, out.value) };
  if (out) return undefined;
  const inward = judged.filter(({ rule }) => rule.scaleAction.direction === 'Decrease');
  if (inward.length === 0 || !inward.every(({ rule, value }) => ready(rule) && meets(rule, value))) {
    return undefined;
  }
  // The smallest step of those that agree.
  const wanted = bounded(Math.max(...inward.map(({ rule }) => after(rule, instances))));
  const [first] = inward;
  if (wanted >= instances || wanted === 0 || !first) return undefined;
  const flaps = judged.some(
    ({ rule, value }) =>
      rule.scaleAction.direction === 'Increase' &&
      value !== undefined &&
      meets(rule, (value * instances) / wanted),
  );
  return flaps ? undefined : { instances: wanted, why: reason(first.rule, first.value) };
}

function reason(rule: ScaleRule, value: number | undefined): string {
  const { metricName, operator, threshold } = rule.metricTrigger;
  return `${metricName} is ${value?.toFixed(2)}, and a rule wants it ${operator} ${threshold}`;
}

function after(rule: ScaleRule, instances: number): number {
  const { direction, type, value } = rule.scaleAction;
  if (type === 'ExactCount') return value;
  const step = type === 'ChangeCount' ? value : Math.max(1, Math.floor((instances * value) / 100));
  return direction === 'Increase' ? instances + step : instances - step;
}

/** The window's value of a metric, of which every minute has one average. */
function valueOf(rule: ScaleRule, minutes: readonly Minute[]): number | undefined {
  const values = minutes.map(({ average }) => average);
  const [last] = values.slice(-1);
  if (last === undefined) return undefined;
  const sum = values.reduce((total, value) => total + value, 0);
  switch (rule.metricTrigger.timeAggregation) {
    case 'Average':
      return sum / values.length;
    case 'Minimum':
      return Math.min(...values);
    case 'Maximum':
      return Math.max(...values);
    case 'Total':
      return sum;
    case 'Count':
      return values.length;
    case 'Last':
      return last;
    default:
      return rule.metricTrigger.timeAggregation satisfies never;
  }
}

function meets(rule: ScaleRule, value: number | undefined): boolean {
  if (value === undefined) return false;
  const { operator, threshold } = rule.metricTrigger;
  switch (operator) {
    case 'Equals':
      return value === threshold;
    case 'NotEquals':
      return value !== threshold;
    case 'GreaterThan':
      return value > threshold;
    case 'GreaterThanOrEqual':
      return value >= threshold;
    case 'LessThan':
      return value < threshold;
    case 'LessThanOrEqual':
      return value <= threshold;
    default:
      return operator satisfies never;
  }
}
