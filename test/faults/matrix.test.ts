import { nth, testSample, WRITES } from './sample.js';

// A sample of the kill matrix: nothing, each part once, each spec at least once. The whole of it: `npm run faults`.
testSample('host', [
  ['nothing', 'roll-back', null],
  ['nothing', 'abort', null],
  ['a worker while it rolls back', 'roll-back', { victim: 'worker', at: nth(WRITES, 2) }],
  ['Temporal as a person aborts', 'abort', { victim: 'temporal', at: nth(WRITES, 2) }],
  ['the host while shares are written', 'promote', { victim: 'host', at: nth(WRITES, 3) }],
  ['Envoy at the cutover', 'roll-back-in-bake', { victim: 'envoy', at: nth(WRITES, 2) }],
  ['green as it gets its first share', 'abort', { victim: 'green', at: nth(WRITES, 1) }],
  ['blue while green is watched', 'abort', { victim: 'blue', at: nth('ActivityTaskScheduled watch', 1) }],
]);
