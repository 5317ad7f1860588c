import { describe, expect, it } from 'vitest';
import { endLines } from '../../cli/follow.js';
import { lostText } from '../../client/find.js';
import { endpointArgument } from '../../core/command-text.js';
import type { Target } from '../../core/plan.js';
import type { RunState } from '../../core/run.js';
import { actionsNow } from '../../core/status-text.js';
import { reportOf } from '../cli/statuses.js';
import { planOf, rampStep } from '../support/plans.js';

const SHOP: Target = { kind: 'kubernetes', namespace: 'shop' };

describe('a command that people are told to run', () => {
  it('names the target, unless it is where commands look by themselves', () => {
    const local: Target = { kind: 'host', workspace: 'local' };

    expect(endpointArgument({ target: local, endpoint: 'diabetes' })).toBe('diabetes');
    expect(endpointArgument({ target: 'host/other', endpoint: 'diabetes' })).toBe(
      'diabetes --target host/other',
    );
    expect(endpointArgument({ target: 'azureml/id/rg(eu)/ws', endpoint: 'diabetes' })).toBe(
      "diabetes --target 'azureml/id/rg(eu)/ws'",
    );
  });

  it('acts on the endpoint that is spoken of', () => {
    const state = { hold: null, paused: null, stepIndex: 0 } as RunState;

    expect(actionsNow(planOf('diabetes', [rampStep(10)], { target: SHOP }), state, 'ramping')).toEqual([
      'greenlight pause diabetes --target kubernetes/shop --reason …',
      'greenlight abort diabetes --target kubernetes/shop --reason …',
    ]);
    expect(
      endLines(reportOf({ outcome: 'rollback-incomplete', target: 'kubernetes/shop' })).at(-1),
    ).toContain('`greenlight revert diabetes --target kubernetes/shop --to blue`');
    expect(lostText({ target: SHOP, endpoint: 'diabetes' }, 'it was terminated')).toContain(
      '`greenlight endpoint show diabetes --target kubernetes/shop`',
    );
  });
});
