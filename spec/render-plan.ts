import type { OwnQuery } from '../core/metrics.js';
import { targetName, type Gate, type Plan, type Step } from '../core/plan.js';
import { approversOf, approversText } from '../core/approvers.js';
import { referenceText, type NotifyChannel } from '../core/notification.js';
import { CRASH_GUARD, CRASH_GUARD_WEIGHT } from '../core/gates/crash-guard.js';
import { deploymentRows } from './render-deployment.js';
import { renderRows, type Row } from './rows.js';
import { addedText, durationText, latencyText, percentText, pointsText, quantileText } from './units.js';

/**
 * A plan as people read it, every default explicit. Equal plans give equal texts.
 *
 * @returns lines without a line break at the end.
 */
export function renderPlan(plan: Plan): string {
  const green = plan.deployment.name;
  return [
    `Rollout of ${plan.endpoint}: ${plan.baseline ?? 'the serving deployment'} → ${green}`,
    ...renderRows(rolloutRows(plan)),
    '',
    `Deployment ${green}`,
    ...renderRows(deploymentRows(plan.deployment)),
    '',
    'Gates',
    ...renderRows([
      ...plan.gates.map((gate) => gateRow(gate, plan.gates)),
      [CRASH_GUARD, 'always on, also during warm-up: half of all requests failing'],
    ]),
    '',
    `Steps, watched for at most ${durationText(longest(plan.steps))} in all`,
    ...renderRows(
      plan.steps.map((step, index) => [`${index + 1}. ${stepTitle(step)}`, stepText(step, plan)]),
    ),
  ].join('\n');
}

function rolloutRows(plan: Plan): Row[] {
  const { watching } = plan;
  return [
    ['target', targetName(plan.target)],
    ['baseline', plan.baseline ?? 'whoever holds all live traffic when the rollout starts'],
    ['existing deployment', plan.adopt ? 'used, if it is the same' : 'refused'],
    [
      'after a rollback',
      plan.afterRollback === 'delete-green' ? 'the new deployment is deleted' : 'the new deployment is kept',
    ],
    ['rollback', `tried for ${durationText(plan.rollbackWithinMs)}, then a person is called`],
    ['approvers', approversText(plan.approvers ?? null)],
    ...(plan.notify ?? []).map((channel): Row => [channel.name, channelText(channel)]),
    [
      'looks',
      `every ${durationText(watching.intervalMs)}; the first ${durationText(watching.warmUpMs)} of a step are warm-up`,
    ],
    ['wrong rollback', `at most ${percentText(watching.alpha)}, over the whole rollout`],
    ['wrong pass', `at most ${percentText(watching.alphaPass)}, per step`],
    ['digest', plan.digest],
  ];
}

function channelText({ url, events, secret, linksFor }: NotifyChannel): string {
  return [
    `to ${referenceText(url)}: ${events.join(', ')}`,
    secret === null ? 'unsigned' : `signed with ${referenceText(secret)}`,
    ...(linksFor === null ? [] : [`links for ${linksFor}`]),
  ].join(' · ');
}

function gateRow(gate: Gate, gates: readonly Gate[]): Row {
  const knobs = [
    gate.role,
    gate.weight === null ? 'an equal part of alpha' : `${spentText(gate.weight, gates)} of alpha`,
    `blip ${durationText(gate.blipMs)}`,
    `dispersion ${gate.dispersion.mode === 'auto' ? 'auto' : gate.dispersion.phi}`,
    `shared ${gate.shared}`,
  ];
  return [gate.name, `${ruleText(gate)} (${knobs.join(', ')})`];
}

/** Where every gate has a weight, they share what the crash guard leaves, whatever they add up to. */
function spentText(weight: number, gates: readonly Gate[]): string {
  const given = gates.reduce((sum, gate) => sum + (gate.weight ?? 0), 0);
  const share = gates.some((gate) => gate.weight === null)
    ? weight
    : ((1 - CRASH_GUARD_WEIGHT) * weight) / given;
  return percentText(Number(share.toPrecision(3)));
}

/** A gate's rule in words: `error rate at most 0.5pp worse than the baseline`. */
function ruleText(gate: Gate): string {
  switch (gate.metric) {
    case 'error-rate':
      return `error rate ${shareText(gate.limit)}`;
    case 'slow-share':
      return `share slower than ${latencyText(gate.aboveMs)} ${shareText(gate.limit)}`;
    case 'latency': {
      const name = `latency ${quantileText(gate.quantile)}`;
      return gate.limit.kind === 'at-most'
        ? `${name} at most ${latencyText(gate.limit.ms)}`
        : `${name} at most ${addedText(gate.limit.ratio)} slower than the baseline`;
    }
    case 'events':
      return `bad events ${shareText(gate.limit)}, ${queryText(gate.query)}`;
    case 'histogram': {
      const { limit, query } = gate;
      const name = quantileText(gate.quantile);
      return limit.kind === 'at-most'
        ? `${name} at most ${limit.value}, ${queryText(query)}`
        : `${name} at most ${addedText(limit.ratio)} higher than the baseline, ${queryText(query)}`;
    }
    default:
      return gate satisfies never;
  }
}

/** `by Prometheus: bad answers_total{…}, total answers_total{…}` */
function queryText(query: OwnQuery): string {
  const parts = Object.entries(query).map(([part, text]) => `${part} ${text}`);
  return `by Prometheus: ${parts.join(', ')}`;
}

function shareText(limit: Extract<Gate, { metric: 'error-rate' }>['limit']): string {
  if (limit.kind === 'at-most') return `at most ${percentText(limit.share)}`;
  const points = pointsText(limit.share);
  const margin = limit.ratio === 1 ? points : `${addedText(limit.ratio)} + ${points}`;
  return `at most ${margin} worse than the baseline`;
}

function stepTitle(step: Step): string {
  return 'percent' in step ? `${step.kind} ${step.percent}%` : step.kind;
}

function stepText(step: Step, plan: Plan): string {
  switch (step.kind) {
    case 'create':
      return `ready within ${durationText(step.readyWithinMs)}`;
    case 'smoke':
      return `${step.count} × ${step.requestFile}`;
    case 'mirror':
    case 'ramp': {
      const { atLeastMs, atMostMs } = step.dwell;
      const time =
        atLeastMs === atMostMs
          ? durationText(atMostMs)
          : `${durationText(atLeastMs)} .. ${durationText(atMostMs)}`;
      return [time, gatesText(step.gates), `undecided: ${step.undecided}`].join(' · ');
    }
    case 'approve':
      return [
        `within ${durationText(step.withinMs)}`,
        `by ${approversText(approversOf(plan, step))}`,
        gatesText(step.gates),
      ].join(' · ');
    case 'cutover':
      return `all live traffic to ${plan.deployment.name}`;
    case 'bake':
      return [
        durationText(step.forMs),
        gatesText(step.gates),
        `undecided: ${step.undecided}`,
        ...aloneText(step, plan),
      ].join(' · ');
    case 'delete-baseline':
      return `requests in flight end within ${durationText(step.drainWithinMs)}`;
    default:
      return step satisfies never;
  }
}

function gatesText(gates: readonly string[]): string {
  return `gates ${gates.join(', ')}`;
}

/** No baseline runs beside green any more: what then becomes of a comparison. */
function aloneText(step: Extract<Step, { kind: 'bake' }>, plan: Plan): string[] {
  const relative = plan.gates.filter(
    ({ name, limit }) => step.gates.includes(name) && limit.kind !== 'at-most',
  );
  if (relative.length === 0) return [];
  const names = relative.map(({ name }) => name).join(', ');
  return [`${names}: limit from the upper confidence bound of the baseline before the cutover`];
}

function longest(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => {
    if (step.kind === 'mirror' || step.kind === 'ramp') return sum + step.dwell.atMostMs;
    return step.kind === 'bake' ? sum + step.forMs : sum;
  }, 0);
}
