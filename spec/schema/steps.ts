import { z } from 'zod';
import { choice, isMapping, type Misfit } from './choice.js';
import { filePath, gateName, personName } from './names.js';
import { duration, liveShare, mirrorShare, window } from './texts.js';
import { either, quote } from '../problem.js';
import { suggest } from '../suggest.js';

const gates = z
  .array(gateName())
  .min(1)
  .optional()
  .describe('Names of the gates that watch this step; default all gates of the spec.');
const undecided = z
  .enum(['hold', 'proceed', 'roll-back'])
  .prefault('hold')
  .describe(
    'What to do when the time is over and a required gate is not proven: hold for a person, proceed, or roll back.',
  );
const stays = (initial: string) =>
  window()
    .prefault(initial)
    .describe(
      'How long the step lasts, at least and at most: in between it ends as soon as every required gate is proven. One duration means exactly that long.',
    );

const readyWithin = duration()
  .prefault('1h')
  .describe('Longest time until all instances of green answer their readiness probe.');
const WITHIN = 'How long to wait for a person; after that the rollout goes back.';
const within = duration().describe(WITHIN);
const drainWithin = duration()
  .prefault('10m')
  .describe('Longest time for requests in flight on the baseline to end before it is deleted anyway.');
const request = filePath().describe('JSON file with the body of the request, relative to the spec; at most 64 KiB.');

const Smoke = z.strictObject({
  request,
  count: z.int().min(1).max(1000).prefault(5).describe('How many requests to send, one after the other.'),
});

const create = z.strictObject({
  create: z.strictObject({ 'ready-within': readyWithin }).describe('Creates green and waits until it is ready.'),
});
const smoke = z.strictObject({
  smoke: choice(
    'Sends requests to green alone, past the traffic rules; each has to be answered with success.',
    [request, Smoke],
    (value) => (typeof value === 'string' ? request : Smoke),
  ),
});
const mirror = z.strictObject({
  mirror: mirrorShare().describe('Copies this share of live requests to green; clients see only the answers of the baseline.'),
  for: stays('2m .. 20m'),
  gates,
  undecided,
});
const OneShare = liveShare().describe("Green's share of live traffic.");
const ManyShares = z.array(OneShare).min(1).max(50).describe("Green's shares of live traffic, one after the other.");
const ramp = z.strictObject({
  ramp: choice("Moves live traffic to green: one share, or a list of shares that ascend.", [OneShare, ManyShares], (value) =>
    Array.isArray(value) ? ManyShares : OneShare,
  ),
  for: stays('2m .. 30m'),
  gates,
  undecided,
});
/** People who may say yes. */
export const approvers = (description: string) =>
  z.array(personName()).min(1).max(100).optional().describe(description);

const Within = z.strictObject({
  within: duration().prefault('24h').describe(WITHIN),
  by: approvers('Who may approve here; default the "approvers" of the spec.'),
});
const approve = z.strictObject({
  approve: choice(
    'Waits for a person to approve; the gates watch on meanwhile.',
    [within, Within],
    (value) => (isMapping(value) ? Within : within),
  ),
  gates,
});
const bake = z.strictObject({
  bake: duration().describe('Watches green alone after the cutover, for this long.'),
  gates,
  undecided,
});
const deleteBaseline = z.strictObject({
  'delete-baseline': z
    .strictObject({ 'drain-within': drainWithin })
    .describe('Deletes the baseline once no traffic can reach it.'),
});

const byKey = { create, smoke, mirror, ramp, approve, bake, 'delete-baseline': deleteBaseline } as const;
/** Steps that can stand as one bare word, with all their defaults. */
const Word = z
  .enum(['create', 'mirror', 'ramp', 'approve', 'cutover', 'bake', 'delete-baseline'])
  .describe('A step with all its defaults; "cutover" moves all live traffic to green.');

/** What a bare word stands for; `cutover` has nothing to set. */
export const BARE: Readonly<Record<Exclude<z.output<typeof Word>, 'cutover'>, object>> = {
  create: { create: {} },
  mirror: { mirror: '10%' },
  ramp: { ramp: ['10%', '25%', '50%'] },
  approve: { approve: {} },
  bake: { bake: '30m' },
  'delete-baseline': { 'delete-baseline': {} },
};

export const MOST_STEPS = 100;

export const STEP_NAMES = [
  'create',
  'smoke',
  'mirror',
  'ramp',
  'approve',
  'cutover',
  'bake',
  'delete-baseline',
] as const;
export type StepName = (typeof STEP_NAMES)[number];

function isStepName(text: string): text is StepName {
  return STEP_NAMES.some((name) => name === text);
}

function chooseStep(value: unknown): z.ZodType | Misfit {
  if (typeof value === 'string') {
    if (value === 'smoke') {
      return {
        code: 'step',
        message: '"smoke" needs the request to send',
        help: 'write "smoke: ./sample-request.json"',
      };
    }
    return isStepName(value) ? Word : unknownStep(value);
  }
  if (!isMapping(value)) {
    return { code: 'step', message: `a step is a name or a mapping; expected ${either(STEP_NAMES)}` };
  }
  const keys = Object.keys(value);
  const named = keys.filter(isStepName);
  if (named.length > 1) {
    return {
      code: 'step',
      message: `one entry holds the steps ${named.map((key) => `"${key}"`).join(' and ')}; expected one step per entry`,
      help: 'begin each step with a dash of its own',
    };
  }
  const [name] = named;
  if (name === 'cutover') {
    return { code: 'step', message: '"cutover" has nothing to set', help: 'write "- cutover"' };
  }
  if (name === undefined) return unknownStep(keys.find((key) => !SIBLINGS.includes(key)) ?? keys[0] ?? '');
  return byKey[name];
}

const SIBLINGS = ['for', 'gates', 'undecided'];

/** What other tools call a step, and what does here what they do. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  canary: 'write "ramp: [10%, 50%]"',
  'set-weight': 'write "ramp: [10%, 50%]"',
  weight: 'write "ramp: [10%, 50%]"',
  shift: 'write "ramp: [10%, 50%]"',
  traffic: 'write "ramp: [10%, 50%]"',
  shadow: 'write "mirror: 10%"',
  test: 'write "smoke: { request: ./request.json }"',
  wait: 'a mirror or a ramp waits by its "for"; after the cutover write "bake: 30m"',
  pause: 'for a person write "approve"; for a time, "for" in a mirror or a ramp, or "bake: 30m" after the cutover',
  analysis: 'name "gates" in a mirror or a ramp: they are judged all the time',
  promote: 'write "cutover"',
  switch: 'write "cutover"',
  delete: 'write "delete-baseline"',
  cleanup: 'write "delete-baseline"',
  rollback: 'leave it out: a gate that is breached rolls back by itself',
  deploy: 'write "create"',
};

function unknownStep(found: string): Misfit {
  const near = suggest(found, STEP_NAMES);
  const word = found.toLowerCase().replace(/(?<=[a-z])[_ ](?=[a-z])/g, '-').replace('setweight', 'set-weight');
  const elsewhere = Object.hasOwn(ELSEWHERE, word) ? ELSEWHERE[word] : undefined;
  // A line that is indented deeper than the one before it is read on as its text.
  const runOn = / - |: /.test(found) ? 'indent every "- " of the list by the same number of spaces' : undefined;
  const help = elsewhere ?? (near === undefined ? runOn : `did you mean "${near}"?`);
  return {
    code: 'step',
    message: `${quote(found)} is not a step; expected ${either(STEP_NAMES)}`,
    ...(help === undefined ? {} : { help }),
  };
}

export const Step = choice(
  'One step of the rollout.',
  [Word, create, smoke, mirror, ramp, approve, bake, deleteBaseline],
  chooseStep,
);
export type Step = z.output<typeof Step>;
