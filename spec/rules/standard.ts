import { onAzure } from '../draft.js';
import type { Problem } from '../problem.js';
import { problemAt } from '../source.js';
import type { Facts } from './facts.js';

/** Says what the standard gates and steps leave out here, since nobody sees it in the spec. */
export function standardRules({ draft }: Facts): Problem[] {
  if (!onAzure(draft.fields.target)) return [];
  const without = [
    ...(draft.written.gates ? [] : ['a gate on latency']),
    ...(draft.written.steps ? [] : ['a mirror step']),
  ];
  if (without.length === 0) return [];
  return [
    problemAt(draft.source, ['target', 'azureml'], {
      severity: 'warning',
      code: 'standard-on-azure',
      message: `the standard pipeline comes without ${without.join(' and ')} here: Azure Monitor has no histograms of latency, and does not tell mirrored requests apart`,
      help: 'a gate on a metric of your own (PromQL) can watch latency on any target',
      key: true,
    }),
  ];
}
