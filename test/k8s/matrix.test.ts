import { nth, testSample, WRITES } from '../faults/sample.js';

// A sample of the kill matrix on this target. The whole of it: `npm run faults -- --target kubernetes`.
testSample('kubernetes', [
  ['a worker while it rolls back', 'abort', { victim: 'worker', at: nth(WRITES, 2) }],
  [
    'Envoy Gateway as the baseline is taken out',
    'promote',
    { victim: 'envoy-gateway', at: nth('ActivityTaskScheduled deleteDeployment', 1) },
  ],
]);
