import { readSelector } from '../../core/promql.js';
import type { Problem } from '../problem.js';
import { isOwnGate } from '../schema/gates.js';
import { problemAt } from '../source.js';
import type { Facts } from './facts.js';

/** Queries of the user's own pick plain counters, which gates count by themselves. */
export function ownMetricRules({ draft: { source, gates } }: Facts): Problem[] {
  return [...gates].flatMap(([name, gate]) => {
    if (gate === null || !isOwnGate(gate)) return [];
    return Object.entries(gate.metric).flatMap(([part, query]) => {
      const path = ['gates', name, 'metric', part];
      const read = readSelector(query);
      if (!read.ok) {
        const { message, help } = read;
        return [problemAt(source, path, { code: 'query', message, ...(help === undefined ? {} : { help }) })];
      }
      if (read.metric?.includes(':')) {
        return [
          problemAt(source, path, {
            severity: 'warning',
            code: 'recorded-rule',
            message: `${read.metric} looks like a recorded rule; a sum over instances falls when one of them goes, and is misread then`,
            help: 'name the counter that the instances themselves export',
          }),
        ];
      }
      if (part === 'histogram' && read.metric !== null && !read.metric.endsWith('_bucket')) {
        return [
          problemAt(source, path, {
            severity: 'warning',
            code: 'no-buckets',
            message: `${read.metric} does not end in _bucket, as the buckets of a histogram do`,
            help: `write ${read.metric}_bucket; native histograms have no buckets to count by`,
          }),
        ];
      }
      return [];
    });
  });
}
