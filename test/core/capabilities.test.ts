import { describe, expect, it } from 'vitest';

import {
  azureCapabilities,
  unableGates,
  unableSteps,
  unableText,
  type EndpointCapabilities,
} from '../../core/capabilities.js';
import type { Step } from '../../core/plan.js';
import { CREATE, mirrorStep } from '../support/plans.js';

const texts = (steps: readonly Step[], can: EndpointCapabilities): readonly string[] =>
  unableSteps(steps, can).map((found) => unableText(found, steps));

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

    expect(unableGates(steps, [], { histograms: true, mirrored: false })).toMatchObject([
      { of: 'step', index: 1, instead: 'leave it out, or use another source' },
    ]);
    expect(unableGates(steps, [], { histograms: true, mirrored: true })).toEqual([]);
  });
});
