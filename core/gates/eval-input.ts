import { checkConfig } from './check.js';
import { ARM_STATUSES, type ArmStatus, type Look, type MachineConfig } from './types.js';

interface EvalInput {
  readonly config: MachineConfig;
  readonly looks: readonly Look[];
}

export type ParsedEvalInput =
  | { readonly ok: true; readonly input: EvalInput }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Checks what `greenlight gates eval` was given (gates.md 9), as it comes from `JSON.parse`. Counts that cannot be true
 * are left to the gates, which treat them as missing; what is checked here is the shape.
 */
export function parseEvalInput(value: unknown): ParsedEvalInput {
  if (!isRecord(value)) return refuse(`expected an object {config, looks}, got ${kindOf(value)}`);
  const { config, looks } = value;
  if (!isRecord(config)) return refuse(`config must be an object, got ${kindOf(config)}`);
  if (!Array.isArray(looks)) return refuse(`looks must be a list, got ${kindOf(looks)}`);
  const problems = [
    ...configProblems(config),
    ...looks.flatMap((look: unknown, i) => lookProblems(look, `looks[${i}]`)),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const input = { config, looks } as unknown as EvalInput;
  const wrong = checkConfig(input.config);
  return wrong.length > 0 ? { ok: false, problems: wrong } : { ok: true, input };
}

function refuse(problem: string): ParsedEvalInput {
  return { ok: false, problems: [problem] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : JSON.stringify(value).slice(0, 40);
}

function numbers(of: Record<string, unknown>, names: readonly string[], at: string): string[] {
  return names
    .filter((name) => typeof of[name] !== 'number')
    .map((name) => `${at}${name} must be a number, got ${kindOf(of[name])}`);
}

function numberList(value: unknown, at: string): string[] {
  const fine = Array.isArray(value) && value.every((entry) => typeof entry === 'number');
  return fine ? [] : [`${at} must be a list of numbers, got ${kindOf(value)}`];
}

function configProblems(config: Record<string, unknown>): string[] {
  const { dispersion, metrics } = config;
  const problems = [
    ...numbers(config, ['alpha', 'alphaPass', 'warmupSec', 'minDurationSec', 'deadlineSec'], 'config.'),
    ...numberList(config['edgesMs'], 'config.edgesMs'),
  ];
  const mode = isRecord(dispersion) ? dispersion['mode'] : undefined;
  if (mode !== 'auto' && mode !== 'fixed') {
    problems.push(
      `config.dispersion must be {"mode": "auto"} or {"mode": "fixed", "phi": ...}, got ${kindOf(dispersion)}`,
    );
  }
  if (!Array.isArray(metrics)) return [...problems, `config.metrics must be a list, got ${kindOf(metrics)}`];
  return [
    ...problems,
    ...metrics.flatMap((metric: unknown, i) => metricProblems(metric, `config.metrics[${i}]`)),
  ];
}

function metricProblems(metric: unknown, at: string): string[] {
  if (!isRecord(metric)) return [`${at} must be an object, got ${kindOf(metric)}`];
  const problems = numbers(metric, ['r', 'delta', 'weight', 'blipSec', 'plannedBlocks'], `${at}.`);
  if (typeof metric['name'] !== 'string')
    problems.push(`${at}.name must be text, got ${kindOf(metric['name'])}`);
  if (metric['source'] !== 'errors' && metric['source'] !== 'latency') {
    problems.push(`${at}.source must be "errors" or "latency", got ${kindOf(metric['source'])}`);
  }
  for (const bets of ['bets', 'breachBets']) {
    if (metric[bets] !== undefined) problems.push(...numberList(metric[bets], `${at}.${bets}`));
  }
  const { starts } = metric;
  if (isRecord(starts)) {
    const shares = ['first', 'step', 'steps', ...('beyond' in starts ? ['beyond'] : [])];
    problems.push(...numbers(starts, shares, `${at}.starts.`));
  } else if (starts !== undefined)
    problems.push(`${at}.starts must be {first, step, steps, beyond?}, got ${kindOf(starts)}`);
  for (const side of ['breachEdge', 'passEdge']) {
    const edge = metric[side];
    if (edge === undefined) continue;
    if (isRecord(edge)) problems.push(...numbers(edge, ['blue', 'green'], `${at}.${side}.`));
    else problems.push(`${at}.${side} must be {"blue": index, "green": index}, got ${kindOf(edge)}`);
  }
  return problems;
}

function pairsProblems(pairs: unknown, at: string): string[] {
  if (pairs === undefined) return [];
  if (!isRecord(pairs)) return [`${at} must be {n00, n01, n10, n11, blue, green}, got ${kindOf(pairs)}`];
  const halves = ['blue', 'green'].flatMap((arm) => {
    const half = pairs[arm];
    if (isRecord(half)) return numbers(half, ['requests', 'errors'], `${at}.${arm}.`);
    return [`${at}.${arm} must be an object {requests, errors}, got ${kindOf(half)}`];
  });
  return [...numbers(pairs, ['n00', 'n01', 'n10', 'n11'], `${at}.`), ...halves];
}

function lookProblems(look: unknown, at: string): string[] {
  if (!isRecord(look)) return [`${at} must be an object, got ${kindOf(look)}`];
  const problems = [...numbers(look, ['dtSec'], `${at}.`), ...pairsProblems(look['pairs'], `${at}.pairs`)];
  const status = look['status'];
  for (const name of ['blue', 'green']) {
    const arm = look[name];
    if (isRecord(arm)) {
      problems.push(
        ...numbers(arm, ['n', 'errors'], `${at}.${name}.`),
        ...numberList(arm['le'], `${at}.${name}.le`),
      );
    } else {
      problems.push(`${at}.${name} must be an object {n, errors, le}, got ${kindOf(arm)}`);
    }
    const said = isRecord(status) ? status[name] : undefined;
    if (!ARM_STATUSES.includes(said as ArmStatus)) {
      problems.push(`${at}.status.${name} must be "ok", "missing" or "reset", got ${kindOf(said)}`);
    }
  }
  return problems;
}
