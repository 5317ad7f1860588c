import { NO_KUBERNETES_METRICS } from '../../core/capabilities.js';
import { onAzure } from '../draft.js';
import type { Problem } from '../problem.js';
import { isOwnGate } from '../schema/gates.js';
import { problemAt } from '../source.js';
import type { Facts } from './facts.js';

/** On Azure nobody counts the requests of a Kubernetes endpoint: a gate on them would have nothing to judge by. */
export function azureMetricRules({ draft, deployment }: Facts): Problem[] {
  if (!onAzure(draft.fields.target) || deployment?.type !== 'kubernetes') return [];
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
