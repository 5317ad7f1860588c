import { describe, expect, it } from 'vitest';

import type { EndpointState } from '../../core/endpoint.js';
import { instanceTrouble, withRestarts } from '../../core/instance-trouble.js';
import type { WatchMemory } from '../../core/watch.js';

const GREEN = { green: 'green' };
const NEW = { restartsBefore: null } as WatchMemory;

const ENDPOINT: EndpointState = {
  name: 'diabetes',
  kind: 'managed',
  state: 'ready',
  traffic: { live: { blue: 90, green: 10 }, mirror: {} },
  scoringUri: '',
  deployments: ['blue', 'green'].map((name) => ({
    name,
    state: 'ready',
    instances: { wanted: 1, ready: 1 },
    restarts: 1,
    tags: {},
  })),
};

describe('what the endpoint shows', () => {
  it('is trouble when green failed or was restarted three times since it got traffic', () => {
    const memory = withRestarts(NEW, GREEN, ENDPOINT);
    const green = (more: object): EndpointState => ({
      ...ENDPOINT,
      deployments: ENDPOINT.deployments.map((d) => (d.name === 'green' ? { ...d, ...more } : d)),
    });

    expect(instanceTrouble(GREEN, memory, green({ restarts: 3 }))).toBeNull();
    expect(instanceTrouble(GREEN, memory, green({ restarts: 4 }))).toBe(
      'instances of green were restarted 3 times since it got traffic: it keeps crashing',
    );
    expect(instanceTrouble(GREEN, memory, green({ state: 'failed', error: 'no GPU' }))).toBe(
      'green has failed: no GPU',
    );
  });
});
