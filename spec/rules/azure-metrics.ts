import { NO_KUBERNETES_METRICS } from '../../core/capabilities.js';
import { onAzure } from '../draft.js';
import type { Problem } from '../problem.js';
import { isOwnGate } from '../schema/gates.js';
import { problemAt } from '../source.js';
import { isShift, stepPath, type Facts } from './facts.js';

/**
 * What nobody could judge on Azure: Azure Monitor counts no request of a Kubernetes endpoint, keeps no histograms of latency,
 * and does not tell copies apart. Preflight would refuse it; here it has its place in the file.
 */
export function azureMetricRules(facts: Facts): Problem[] {
  if (!onAzure(facts.draft.fields.target)) return [];
  return facts.deployment?.type === 'kubernetes'
    ? kubernetesGates(facts)
    : [...latencyGates(facts), ...mirrorSteps(facts)];
}

function kubernetesGates({ draft }: Facts): Problem[] {
  return [...draft.gates].flatMap(([name, gate]) => {
    if (gate === null || isOwnGate(gate)) return [];
    return [
      problemAt(draft.source, draft.written.gates ? ['gates', name, 'metric'] : ['target', 'azureml'], {
        code: 'no-metrics',
        message: `gate ${name} cannot be judged: ${NO_KUBERNETES_METRICS.because}`,
        help: `${NO_KUBERNETES_METRICS.instead}: docs/metrics.md, "Metrics of your own"`,
        key: !draft.written.gates,
      }),
    ];
  });
}

function latencyGates({ draft }: Facts): Problem[] {
  return [...draft.gates].flatMap(([name, gate]) => {
    if (gate === null || isOwnGate(gate) || gate.metric === 'error-rate') return [];
    return [
      problemAt(draft.source, ['gates', name, 'metric'], {
        code: 'no-metrics',
        message: `gate ${name} cannot be judged: Azure Monitor has no histograms of latency`,
        help: 'leave the gate out, or use a histogram of your own from a Prometheus: docs/metrics.md, "Metrics of your own"',
      }),
    ];
  });
}

function mirrorSteps({ draft, steps }: Facts): Problem[] {
  return steps.flatMap((step, index) =>
    isShift(step) && 'mirror' in step
      ? [
          problemAt(draft.source, stepPath(index, 'mirror'), {
            code: 'no-metrics',
            message: 'a mirror step cannot be judged: Azure Monitor does not tell mirrored requests apart',
            help: 'leave the mirror step out, and begin the ramp with a small share',
            key: true,
          }),
        ]
      : [],
  );
}
