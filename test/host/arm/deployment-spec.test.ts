import { describe, expect, it } from 'vitest';
import { completeProperties, processSpec } from '../../../host/arm/deployment-spec.js';
import { DeploymentBody, parseBody } from '../../../host/arm/schemas.js';

const assets = { codeDir: '/state/code', modelDir: null, script: null, digest: 'd' };

function body(properties: object = {}, more: object = {}): DeploymentBody {
  return parseBody(DeploymentBody, {
    location: 'local',
    ...more,
    properties: {
      endpointComputeType: 'Managed',
      codeConfiguration: { codeId: 'file:///code', scoringScript: 'score.py' },
      ...properties,
    },
  });
}

const specOf = (properties: object) => processSpec(completeProperties(body(properties), {}), assets);

describe('a deployment body', () => {
  it('gets every default that Azure states', () => {
    expect(completeProperties(body(), {})).toEqual({
      endpointComputeType: 'Managed',
      codeConfiguration: { codeId: 'file:///code', scoringScript: 'score.py' },
      environmentVariables: {},
      properties: {},
      appInsightsEnabled: false,
      requestSettings: {
        maxConcurrentRequestsPerInstance: 1,
        requestTimeout: 'PT5S',
        maxQueueWait: 'PT0.5S',
      },
      livenessProbe: { failureThreshold: 30, successThreshold: 1, timeout: 'PT2S', period: 'PT10S' },
      readinessProbe: { failureThreshold: 30, successThreshold: 1, timeout: 'PT2S', period: 'PT10S' },
      scaleSettings: { scaleType: 'Default' },
    });
  });

  it('may say null where it says nothing, as Microsoft’s client does', () => {
    const nulls = {
      model: null,
      requestSettings: null,
      livenessProbe: null,
      environmentVariables: { A: null },
      properties: null,
    };

    expect(completeProperties(body(nulls), {})).toEqual(completeProperties(body(), {}));
  });

  it.each([
    [{ endpointComputeType: 'Batch' }, /properties\.endpointComputeType: Invalid option/],
    [
      { requestSettings: { requestTimeout: '5s' } },
      /requestTimeout: expected an ISO 8601 duration such as PT5S/,
    ],
    [{ requestSettings: { requestTimeout: 'PT10M' } }, /requestTimeout: expected .* to 300 s/],
    [
      { requestSettings: { maxConcurrentRequestsPerInstance: 0 } },
      /maxConcurrentRequestsPerInstance: Too small/,
    ],
    [{ readinessProbe: { period: 'P1Y' } }, /readinessProbe\.period: expected an ISO 8601 duration/],
    [{ environmentVariables: { 'A=B': 'x' } }, /environmentVariables\.A=B/],
    [{ codeConfiguration: { codeId: 'file:///code' } }, /codeConfiguration\.scoringScript/],
  ])('%j is refused with its path', (properties, message) => {
    expect(() => body(properties)).toThrow(message);
  });

  it.each([[{ sku: { capacity: 0 } }], [{ sku: { capacity: 51 } }], [{ sku: { capacity: 1.5 } }]])(
    '%j is refused',
    (more) => {
      expect(() => body({}, more)).toThrow(/sku\.capacity/);
    },
  );

  it('tells all its problems at once', () => {
    expect(() => parseBody(DeploymentBody, { properties: {} })).toThrow(
      /location: .*; properties\.endpointComputeType: /,
    );
  });
});

describe('what an instance runs', () => {
  it('has a thread for each request that it may work on at once', () => {
    expect(specOf({ requestSettings: { maxConcurrentRequestsPerInstance: 4 } })).toMatchObject({
      threads: 4,
      workers: 1,
    });
  });

  it('has as many worker processes as WORKER_COUNT says, as in Azure’s images', () => {
    expect(specOf({ environmentVariables: { WORKER_COUNT: '3' } }).workers).toBe(3);
    expect(() => specOf({ environmentVariables: { WORKER_COUNT: 'many' } })).toThrow(
      'WORKER_COUNT is no whole number from 1 to 32.',
    );
  });

  it.each([
    ['another variable', { environmentVariables: { A: '1' } }],
    ['another script', { codeConfiguration: { codeId: 'file:///code', scoringScript: 'other.py' } }],
    ['another number of threads', { requestSettings: { maxConcurrentRequestsPerInstance: 2 } }],
    ['a command', { properties: { 'greenlight.command': '["serve"]' } }],
  ])('is another thing with %s', (_, properties) => {
    expect(specOf(properties).digest).not.toBe(specOf({}).digest);
  });

  it.each([
    ['other tags', { description: 'x' }],
    ['other probes', { livenessProbe: { period: 'PT1S' } }],
  ])('is the same thing with %s: instances go on', (_, properties) => {
    expect(specOf(properties).digest).toBe(specOf({}).digest);
  });

  it.each(['serve', '{}', '[]', '[1]'])('cannot be the command %s', (command) => {
    expect(() => specOf({ properties: { 'greenlight.command': command } })).toThrow(
      'expected a JSON list of words',
    );
  });

  it('has to be something', () => {
    expect(() => specOf({ codeConfiguration: null })).toThrow('properties.codeConfiguration is missing');
  });
});
