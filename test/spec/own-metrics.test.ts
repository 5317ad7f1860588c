import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderPlan } from '../../spec/index.js';
import { Folder, SPEC } from './folder.js';

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
});
afterEach(() => folder.remove());

const errors = '  errors: { metric: error-rate, worse-by: 0.5pp }\n';
const spec = (gate: string) => `${SPEC}gates:\n${errors}  own: ${gate}\n`;
const BAD = `'answers_total{version="$deployment",verdict="bad"}'`;
const ALL = `'answers_total{version="$deployment"}'`;

describe("a gate with a metric of one's own", () => {
  it.each([
    [
      `{ metric: { bad: ${BAD}, total: ${ALL} }, worse-by: 20% + 0.1pp }`,
      { metric: 'events', blipMs: 10_000, limit: { kind: 'worse-by', ratio: 1.2, share: 0.001 } },
      'own          bad events at most 20% + 0.1pp worse than the baseline, by Prometheus: bad answers_total{version="$deployment",verdict="bad"}, total answers_total{version="$deployment"} (required',
    ],
    [
      `{ metric: { bad: ${BAD}, good: ${ALL} }, at-most: 1%, role: guard }`,
      { metric: 'events', limit: { kind: 'at-most', share: 0.01 } },
      'own          bad events at most 1%, by Prometheus: bad ',
    ],
    [
      `{ metric: { histogram: 'tokens_bucket{v="$deployment"}' }, quantile: p95, at-most: 500 }`,
      { metric: 'histogram', blipMs: 30_000, quantile: 0.95, limit: { kind: 'at-most', value: 500 } },
      'own          p95 at most 500, by Prometheus: buckets tokens_bucket{v="$deployment"} (required',
    ],
    [
      `{ metric: { histogram: 'tokens_bucket{v="$deployment"}' }, quantile: p95, higher-by: 10% }`,
      { metric: 'histogram', limit: { kind: 'higher-by', ratio: 1.1 } },
      'own          p95 at most 10% higher than the baseline, by Prometheus: buckets ',
    ],
  ])('is compiled and shown: %s', async (gate, compiled, shown) => {
    const plan = await folder.plan(spec(gate));

    expect(plan.gates[1]).toMatchObject({ name: 'own', ...compiled });
    expect(renderPlan(plan)).toContain(shown);
  });

  it.each([
    [`{ metric: { bad: 'bad_total', total: ${ALL} }, at-most: 1% }`, 'spec/query', 'with $deployment in it'],
    [
      `{ metric: { bad: ${BAD}, total: 'rate(x{v="$deployment"}[5m])' }, at-most: 1% }`,
      'spec/query',
      '"rate" is not possible here',
    ],
    [
      `{ metric: { bad: ${BAD}, total: 'x{v="$deployment"' }, at-most: 1% }`,
      'spec/query',
      'the query ends where',
    ],
    [`{ metric: { bad: ${BAD} }, at-most: 1% }`, 'spec/missing-key', '"total" is missing'],
    [`{ metric: { total: ${ALL} }, at-most: 1% }`, 'spec/missing-key', '"bad" is missing'],
    [
      `{ metric: { bad: ${BAD}, total: ${ALL} } }`,
      'spec/gate-limit',
      'a gate on events of your own needs a limit',
    ],
    [
      `{ metric: { bad: ${BAD}, total: ${ALL} }, higher-by: 10% }`,
      'spec/gate-limit',
      '"higher-by" is not a limit of events of your own',
    ],
    [`{ metric: { histogram: ${ALL} }, at-most: 5 }`, 'spec/missing-key', '"quantile" is missing'],
    [
      `{ metric: { histogram: ${ALL} }, quantile: p95, at-most: 5 }`,
      'spec/no-buckets',
      'does not end in _bucket',
    ],
    [
      `{ metric: { bad: 'a:bad:sum{v="$deployment"}', total: ${ALL} }, at-most: 1% }`,
      'spec/recorded-rule',
      'looks like a recorded rule',
    ],
    [`{ metric: error-rates, at-most: 1% }`, 'spec/choice', 'did you mean'],
  ])('is refused, or warned of, at its place: %s', async (gate, code, message) => {
    const problems = await folder.problems(spec(gate));

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code });
    expect(`${problems[0]?.message} ${problems[0]?.help}`).toContain(message);
    expect(problems[0]?.at).not.toBeNull();
  });
});
