// Exit codes of `greenlight submit --wait`, and the steps that rollouts of these tests take.
export const PROMOTED = 0;
export const ROLLED_BACK = 4;
export const DWELL = { for: '3s .. 90s', undecided: 'roll-back' };
const SMOKE = { smoke: { request: './request.json', count: 3 } };
export const GOOD = [
  'create',
  SMOKE,
  { mirror: '50%', ...DWELL },
  { ramp: ['25%', '50%'], ...DWELL },
  'cutover',
  { bake: '3s' },
  { 'delete-baseline': { 'drain-within': '2s' } },
];
export const RAMP_ONLY = ['create', { ramp: ['50%'], ...DWELL }, 'cutover'];
