import { describe, expect, it } from 'vitest';

import {
  azureCapabilities,
  NO_KUBERNETES_METRICS,
  unableGates,
  unableSteps,
  unableText,
  type EndpointCapabilities,
} from '../../core/capabilities.js';
import type { Gate, Step } from '../../core/plan.js';
import { CREATE, errorsGate, mirrorStep, slowGate } from '../support/plans.js';

const texts = (steps: readonly Step[], can: EndpointCapabilities): readonly string[] =>
  unableSteps(steps, can).map((found) => unableText(found, steps));

const own: Gate = {
  name: 'own',
  role: 'required',
  weight: null,
  blipMs: 1_000,
  dispersion: { mode: 'auto' },
  shared: 'hold',
  metric: 'events',
  limit: { kind: 'at-most', share: 0.01 },
  query: { bad: 'bad_total{v="$deployment"}', total: 'all_total{v="$deployment"}' },
};

const inability = { because: 'the gateway supports no shares', instead: 'mirror 100%' };

describe('what a target cannot do', () => {
  it.each<[string, Step, EndpointCapabilities, readonly string[]]>([
    ['half on a managed endpoint', mirrorStep(50), azureCapabilities('managed'), []],
    [
      'more than half on a managed endpoint',
      mirrorStep(51),
      azureCapabilities('managed'),
      [
        'Step 2 (mirror 51 %) is not possible: at most 50 % of the live requests can be copied here, not 51 %; mirror 50 % or less',
      ],
    ],
    [
      'any share on a Kubernetes endpoint of Azure',
      mirrorStep(10),
      azureCapabilities('kubernetes'),
      [
        'Step 2 (mirror 10 %) is not possible: Azure ML mirrors traffic of managed endpoints only, and this one is of type kubernetes; leave the mirror step out, and begin the ramp with a small share',
      ],
    ],
    [
      'a share where all or nothing is copied',
      mirrorStep(10),
      { mirror: { shares: 'all', ...inability }, liveWithMirror: true, pin: true },
      ['Step 2 (mirror 10 %) is not possible: the gateway supports no shares; mirror 100%'],
    ],
    [
      'everything where all or nothing is copied',
      mirrorStep(100),
      { mirror: { shares: 'all', ...inability }, liveWithMirror: true, pin: true },
      [],
    ],
  ])('mirroring %s', (_, step, can, problems) => {
    expect(texts([CREATE, step], can)).toEqual(problems);
  });

  it('cannot judge a mirror step whose copies are not counted apart', () => {
    const steps = [CREATE, mirrorStep(10)];

    expect(unableGates(steps, [], { histograms: true, mirrored: false }, 'managed')).toMatchObject([
      { of: 'step', index: 1, instead: 'leave it out, or use another source' },
    ]);
    expect(unableGates(steps, [], { histograms: true, mirrored: true }, 'managed')).toEqual([]);
  });

  it.each([
    ['managed', ['slow']],
    ['kubernetes', ['errors', 'slow']],
  ] as const)('cannot judge on Azure, for a %s endpoint, the gates %j', (kind, blind) => {
    const can = { histograms: false, mirrored: false, kubernetes: NO_KUBERNETES_METRICS };
    const gates = [errorsGate, slowGate, own];

    const found = unableGates([CREATE], gates, can, kind);

    expect(found.map((unable) => 'name' in unable && unable.name)).toEqual(blind);
    expect(unableGates([CREATE], gates, { histograms: true, mirrored: true }, kind)).toEqual([]);
  });
});
