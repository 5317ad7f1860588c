import { CRASH_GUARD, CRASH_GUARD_WEIGHT } from '../../core/gates/crash-guard.js';
import type { Problem } from '../problem.js';
import type { Gate } from '../schema/gates.js';
import { problemAt, type Complaint } from '../source.js';
import { latencyText, percentText } from '../units.js';
import type { Facts } from './facts.js';

/** Each gate by itself can fail and can pass, and they share what may be spent. */
export function gateRules({ draft, deployment }: Facts): Problem[] {
  const { source, gates } = draft;
  // A manifest says nothing of a timeout, and none is set for it.
  const timeoutMs =
    deployment?.manifest === undefined ? deployment?.request_settings.request_timeout_ms : undefined;
  const problems: Problem[] = [];
  if (draft.written.gates && gates.size === 0 && isEmptyMapping(source.value)) {
    problems.push(
      problemAt(source, ['gates'], {
        code: 'no-gates',
        message: 'the spec has no gate, so nothing would ever send it back; expected at least one',
        help: 'remove the empty "gates" to get the two standard ones',
      }),
    );
  }
  for (const [name, gate] of gates) {
    if (name === CRASH_GUARD) problems.push(problemAt(source, ['gates', name], RESERVED));
    if (gate === null) continue;
    if (timeoutMs !== undefined) problems.push(...beyondTimeout(draft, name, gate, timeoutMs));
    if (gate.metric === 'latency' && 'slower-by' in gate && gate['slower-by'] < FINEST_RATIO) {
      problems.push(
        problemAt(source, ['gates', name, 'slower-by'], {
          severity: 'warning',
          code: 'finer-than-buckets',
          message: `latency is counted in buckets that grow by ${percentText(FINEST_RATIO - 1)}; ${percentText(gate['slower-by'] - 1)} cannot be told from them exactly`,
          help: 'the gate compares the shares of requests beyond one bucket instead; 5% or more is judged exactly',
        }),
      );
    }
  }
  return [...problems, ...weightRules(draft)];
}

/** The ladder of the endpoint host grows by the root of 1.1. */
const FINEST_RATIO = 1.049;

const RESERVED: Complaint = {
  code: 'reserved-name',
  message: `"${CRASH_GUARD}" is the name of the gate that is always there`,
  help: 'choose another name',
  key: true,
};

function isEmptyMapping(value: unknown): boolean {
  const gates = (value as { gates?: unknown }).gates;
  return typeof gates === 'object' && gates !== null && Object.keys(gates).length === 0;
}

function beyondTimeout({ source }: Facts['draft'], name: string, gate: Gate, timeoutMs: number): Problem[] {
  const limit =
    gate.metric === 'latency' && 'at-most' in gate
      ? { key: 'at-most', ms: gate['at-most'] }
      : gate.metric === 'slow-share'
        ? { key: 'above', ms: gate.above }
        : undefined;
  if (limit === undefined || limit.ms < timeoutMs) return [];
  return [
    problemAt(source, ['gates', name, limit.key], {
      code: 'never-fails',
      message: `no request is answered after the deployment's timeout of ${latencyText(timeoutMs)}, so no answer can ever exceed a limit of ${latencyText(limit.ms)}`,
      help: 'name a limit below request_settings.request_timeout_ms of the deployment file',
    }),
  ];
}

function weightRules({ source, gates }: Facts['draft']): Problem[] {
  const all = [...gates];
  if (all.some(([, gate]) => gate === null)) return [];
  const open = all.filter(([, gate]) => gate?.weight === undefined).length;
  const given = all.reduce((sum, [, gate]) => sum + (gate?.weight ?? 0), 0);
  const free = 1 - CRASH_GUARD_WEIGHT;
  const heaviest = all.reduce(
    (a, b) => ((b[1]?.weight ?? 0) > (a[1]?.weight ?? 0) ? b : a),
    all[0] ?? ['', null],
  );
  if (open === 0 || given < free - 1e-9) return [];
  return [
    problemAt(source, ['gates', heaviest[0], 'weight'], {
      code: 'weights',
      message: `the weights add up to ${percentText(given)}; expected less than ${percentText(free)}, because gates without a weight need a part too`,
      help: `the crash guard has ${percentText(CRASH_GUARD_WEIGHT)}; lower the weights, or give every gate one`,
    }),
  ];
}
