import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createAzureMlEndpoints } from '../../adapters/azureml/endpoints.js';
import { Greenlight } from '../../client/greenlight.js';
import { startTracing } from '../../telemetry/tracing.js';
import { tracesWanted } from '../../telemetry/wanted.js';
import { FakeArm, settingsFor } from '../adapters/azureml/fake-arm.js';
import { useCliBench } from '../cli/cli-bench.js';
import { MemoryTarget } from '../support/memory-target.js';
import { Receiver } from '../support/receiver.js';

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const collector = new Receiver();
let arm: FakeArm;
beforeAll(async () => {
  process.env[ENDPOINT] = await collector.open();
  arm = await FakeArm.start();
});
// After the hooks above: tracing is started where a client or a worker is.
const bench = useCliBench({ plugins: () => [startTracing('test').plugin] });
afterAll(async () => {
  delete process.env[ENDPOINT];
  await arm.stop();
  await collector.close();
});

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

/** Everything that the collector was sent: OTLP over HTTP, as JSON. */
function spans(): Span[] {
  return collector.received.flatMap(({ path, text }) => {
    expect(path).toBe('/v1/traces');
    const { resourceSpans } = JSON.parse(text) as {
      resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
    };
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  });
}

/** Names from a span up to the root of its trace. */
function wayUp(span: Span, all: readonly Span[]): string[] {
  const parent = all.find(({ spanId }) => spanId === span.parentSpanId);
  return [span.name, ...(parent === undefined ? [] : wayUp(parent, all))];
}

it('one trace leads from submit through workflow and activity to each call of Azure Resource Manager', async () => {
  arm.seedEndpoint('diabetes', { blue: 100 });
  arm.seedDeployment('diabetes', 'blue');
  const target = new MemoryTarget();
  target.ports = () => ({
    endpoints: createAzureMlEndpoints(settingsFor(arm)),
    metrics: new MemoryTarget().ports().metrics,
  });
  bench.targets.set('traced', target);
  const spec = await bench.spec('traced', ['create', 'cutover']);
  const greenlight = await Greenlight.connect({
    temporal: { address: inject('temporalAddress'), namespace: bench.namespace },
  });
  const rollout = await greenlight.submit(spec);
  expect(await rollout.result()).toMatchObject({ kind: 'report', report: { outcome: 'promoted' } });
  await greenlight.close();

  await expect
    .poll(() => spans().map(({ name }) => name))
    .toEqual(expect.arrayContaining(['ARM PUT', 'submit', 'StartWorkflow:rollout', 'RunWorkflow:rollout']));
  const all = spans();
  const root = all.find(({ name }) => name === 'submit');
  const calls = all.filter(({ name }) => name.startsWith('ARM '));
  expect(root?.parentSpanId ?? '').toBe('');
  expect(new Set(calls.map(({ traceId }) => traceId))).toEqual(new Set([root?.traceId]));
  const ways = calls.filter(({ name }) => name === 'ARM PUT').map((call) => wayUp(call, all).join(' < '));
  expect(ways).toContainEqual(
    expect.stringMatching(
      /^ARM PUT < RunActivity:setTraffic < (StartActivity:setTraffic < )?RunWorkflow:rollout < StartWorkflow:rollout < submit$/,
    ),
  );
  // The service gets the same trace, and the span to go on from.
  const heard = arm.seen.flatMap(({ traceparent }) => (traceparent === undefined ? [] : [traceparent]));
  expect(heard).toContain(`00-${root?.traceId}-${calls[0]?.spanId}-01`);
  // A query may hold a signature, and a header the token.
  expect(JSON.stringify(calls)).not.toMatch(/api-version|Bearer|arm-token/);
});

it.each<[NodeJS.ProcessEnv, boolean]>([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
])('traces are off unless the standard variables ask for them: %j is %s', (env, wanted) => {
  expect(tracesWanted(env)).toBe(wanted);
});
