import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { MemoryTarget } from '../support/memory-target.js';
import { makeNamespace } from '../support/namespace.js';
import { greenlight, stateWithTemporal, temporaryFolder } from './cli.js';
import { LONG, useCliBench } from './cli-bench.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const bench = useCliBench();
const { on } = bench;

const QUICK = ['create', 'ramp: 50%\n    for: 1s .. 20s', 'cutover', 'delete-baseline'];
const ASKED = [
  'create',
  'ramp: 50%\n    for: 1s .. 20s',
  'approve: { within: 1h }',
  'cutover',
  'delete-baseline',
];
const ASKS = ['create', 'approve: { within: 1h }', 'cutover'];

/** A spec for an endpoint in memory that nobody else uses. */
async function specFor(
  workspace: string,
  steps: readonly string[],
  more: readonly string[] = [],
): Promise<string> {
  bench.targets.set(workspace, new MemoryTarget());
  onTestFinished(async () => {
    // Nothing of one test goes on during another.
    await on(workspace, ['abort', 'diabetes', '--reason', 'the test is over']);
  });
  return bench.spec(workspace, steps, more);
}

async function json(workspace: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await on(workspace, [...args, '--output', 'json']);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function untilPhase(workspace: string, phase: string): Promise<void> {
  await expect
    .poll(async () => (await json(workspace, ['status', 'diabetes']))['phase'], { interval: 100 })
    .toBe(phase);
}

/** Temporal's own client, for what others do to a rollout. */
async function connected(): Promise<Client> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  onTestFinished(() => connection.close());
  return new Client({ connection, namespace: bench.namespace });
}

/** Without the times in front of a story's lines, and the figures in them. */
function plain(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, '').replace(/\((\d+(ms|s|m))+\)$/, '(…)'));
}

describe('submit --wait', () => {
  it('tells a promotion to its end, and exits 0', async () => {
    const spec = await specFor('promoted', ASKED);

    const told = await on('promoted', ['submit', spec, '--wait', '--by', 'ada'], {
      // It asks once a second: a share that stands no longer than that may not be told.
      onLine: (text) => {
        if (text.includes('waits for approval')) void on('promoted', ['approve', 'diabetes']);
      },
    });

    expect(told.code).toBe(0);
    expect(told.stderr).toContain(
      'Started rollout/host/promoted/diabetes (diabetes: whoever serves now → green, 5 steps)',
    );
    expect(told.stderr).toContain(
      '  Temporal UI  http://127.0.0.1:1/namespaces/' +
        `${bench.namespace}/workflows/rollout%2Fhost%2Fpromoted%2Fdiabetes/`,
    );
    const lines = plain(told.stdout);
    expect(lines).toContain('✓ 1/5 create: green is ready (…)');
    expect(lines).toContain('traffic: blue 50 %, green 50 %');
    expect(lines.find((line) => line.startsWith('✓ 2/5 ramp 50 %: errors proven: '))).toBeDefined();
    expect(lines).toContain('✓ 5/5 delete-baseline: blue is gone (…)');
    expect(lines.at(-1)).toMatch(/^PROMOTED after .*: diabetes is served by green$/);
  });

  it('tells why a bad version went back, exits 4, and gives the report as JSON', async () => {
    const spec = await specFor('bad', QUICK);
    bench.targets.get('bad')?.behaviour.set('green', { errors: 0.5, slow: 0 });

    const told = await on('bad', ['submit', spec, '--wait', '--output', 'json']);

    expect(told.code).toBe(4);
    expect(told.stderr).toMatch(/ROLLED BACK after .*: green answered .* with an error/);
    expect(JSON.parse(told.stdout)).toMatchObject({
      outcome: 'rolled-back',
      endpoint: 'diabetes',
      rollbackMs: expect.any(Number) as number,
      workflowId: 'rollout/host/bad/diabetes',
    });
    expect(bench.targets.get('bad')?.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('exits 3 when preflight rejects, and nothing was changed', async () => {
    const spec = await specFor('taken', QUICK);
    const target = bench.targets.get('taken');
    target?.addDeployment('green');

    const told = await on('taken', ['submit', spec, '--wait']);

    expect(told.code).toBe(3);
    expect(told.stdout).toContain('REJECTED');
    expect(told.stdout).toContain('diabetes has a deployment green already');
    expect(target?.writes).toEqual([]);
  });

  it('exits 6 when the rollout is ended from outside, and says what to do', async () => {
    const spec = await specFor('lost', LONG);
    const waiting = on('lost', ['submit', spec, '--wait']);
    await untilPhase('lost', 'ramping');
    await (await connected()).workflow.getHandle('rollout/host/lost/diabetes').terminate();

    const told = await waiting;

    expect(told.code).toBe(6);
    expect(told.stdout).toContain(
      'The rollout of diabetes ended without a report: it was terminated from outside Greenlight. Nothing was taken back, so its traffic may stand half-way.\n' +
        'Look with `greenlight endpoint show diabetes --target host/lost`; `greenlight revert diabetes --target host/lost --to BASELINE` puts all traffic back.',
    );
  });

  it('goes on with the run that somebody resets the rollout to', async () => {
    const spec = await specFor('reset', LONG);
    const waiting = on('reset', ['submit', spec, '--wait']);
    const { workflow, workflowService } = await connected();
    const run = workflow.getHandle('rollout/host/reset/diabetes');
    // Not merely ramping, which a status says ahead of the history: a run from before the share knows nothing of it.
    const watch = async () =>
      ((await run.fetchHistory()).events ?? []).find(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'watch',
      );
    await expect.poll(watch, { interval: 100 }).toBeDefined();
    const task = (await watch())?.activityTaskScheduledEventAttributes?.workflowTaskCompletedEventId;
    const { runId } = await run.describe();

    await workflowService.resetWorkflowExecution({
      namespace: bench.namespace,
      workflowExecution: { workflowId: run.workflowId, runId },
      workflowTaskFinishEventId: task ?? null,
      requestId: randomUUID(),
      reason: 'by hand',
    });
    const aborted = await on('reset', ['abort', 'diabetes', '--reason', 'enough']);
    const story = await waiting;

    expect((await run.describe()).runId).not.toBe(runId);
    expect(aborted).toMatchObject({ code: 0, stderr: '' });
    expect(story.code, story.stdout + story.stderr).toBe(5);
  });

  it('stops waiting at Ctrl-C, says so, and lets the rollout go on', async () => {
    const spec = await specFor('interrupted', LONG);
    const stop = new AbortController();
    const waiting = on('interrupted', ['submit', spec, '--wait'], { stop: stop.signal });
    await untilPhase('interrupted', 'ramping');

    stop.abort();
    const told = await waiting;

    expect(told.code).toBe(130);
    const { phase, runId } = (await json('interrupted', ['status', 'diabetes'])) as Record<string, string>;
    expect(phase).toBe('ramping');
    const it = `diabetes --target host/interrupted --run ${runId}`;
    expect(told.stderr).toContain(
      `Stopped waiting. The rollout of diabetes goes on: \`greenlight status ${it} --wait\` waits again, \`greenlight abort ${it} --reason …\` stops it.`,
    );
  });

  it('stops waiting so, too, where a pipeline ends its job', async () => {
    const spec = await specFor('cancelled', LONG);
    await on('cancelled', ['submit', spec]);
    const state = await stateWithTemporal(bench.namespace);
    const words = ['status', 'diabetes', '--wait', '--output', 'json'];
    const where = ['--target', 'host/cancelled', '--state', state];
    const job = spawn(process.execPath, [MAIN, ...words, ...where], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [found, told] = ['', ''];
    job.stdout.on('data', (text: Buffer) => (found += text.toString()));
    job.stderr.on('data', (text: Buffer) => (told += text.toString()));
    const ended = once(job, 'close');
    await once(job.stderr, 'data');

    job.kill('SIGTERM');

    expect(await ended).toEqual([130, null]);
    expect(told).toContain('Stopped waiting. The rollout of diabetes goes on: ');
    const { runId, outcome } = await json('cancelled', ['status', 'diabetes']);
    expect(outcome).toBeNull();
    expect(JSON.parse(found), 'what a pipeline needs to go on with it').toMatchObject({ runId, outcome });
  });
});

describe('submit', () => {
  it('refuses a second rollout of an endpoint, and says who holds it', async () => {
    const spec = await specFor('held', LONG);
    expect((await on('held', ['submit', spec, '--by', 'ada'])).code).toBe(0);
    await untilPhase('held', 'ramping');

    const told = await on('held', ['submit', spec, '--by', 'bob']);

    expect(told.code).toBe(7);
    expect(told.stdout).toBe('');
    expect(told.stderr).toMatch(
      /^greenlight: diabetes on host\/held is held by a rollout of ada \(green, ramping\), started \S+Z\. It is this very spec\.\nNothing was started\. Submit with --queue to start when it is over, or with --supersede to roll it back first; `greenlight status diabetes --target host\/held --wait` tells how it goes\.\n$/,
    );
  });

  it('starts nothing without a worker, and says what to do', async () => {
    const spec = await specFor('nobody', QUICK);
    const namespace = `empty-${randomUUID()}`;
    await makeNamespace(namespace);
    const empty = await stateWithTemporal(namespace);

    const told = await greenlight(['submit', spec, '--state', empty]);
    const list = await greenlight(['list', '--all', '--state', empty]);

    expect(told.code).toBe(9);
    expect(told.stderr).toContain(
      `The rollout of diabetes was not started. No worker polls the task queue "greenlight" of namespace "${namespace}" on Temporal at `,
    );
    expect(told.stderr).toContain('Run `greenlight up`, which starts one on this machine');
    expect(list.stdout).toBe('No rollouts. `greenlight submit SPEC` starts one.\n');
  });
});

describe('people', () => {
  it('approve, and the rollout tells who and why', async () => {
    const spec = await specFor('approved', ASKS);
    await on('approved', ['submit', spec]);
    await untilPhase('approved', 'waiting-for-approval');
    let heard = '';
    const waiting = on('approved', ['status', 'diabetes', '--wait'], {
      onLine: (text) => {
        heard += text;
      },
    });
    // Else the approval may come before the first question of who waits.
    await expect.poll(() => heard).toContain('waits for approval');

    const approve = ['approve', 'diabetes', '--by', 'ada', '--reason', 'looks right', '--request-id', 'once'];
    const told = await on('approved', approve);
    const again = await on('approved', approve);
    const story = await waiting;

    expect(told).toEqual({ code: 0, stdout: 'diabetes: approved\n', stderr: '' });
    // The same request acts once: it is neither refused nor counted twice. Only the end may be faster.
    expect([0, 10]).toContain(again.code);
    expect(story.code).toBe(0);
    expect(plain(story.stdout)).toContain('waits for approval');
    expect(plain(story.stdout).filter((line) => line === 'ada approved: looks right')).toHaveLength(1);
  });

  it('pause, resume, and are told plainly when it does not fit', async () => {
    const spec = await specFor('paused', LONG);
    await on('paused', ['submit', spec]);
    // Not merely ramping: a pause during the write of the share says that it comes through.
    await expect
      .poll(() => json('paused', ['status', 'diabetes']), { interval: 100 })
      .toMatchObject({ phase: 'ramping', traffic: { live: { blue: 90, green: 10 } } });

    const early = await on('paused', ['approve', 'diabetes']);
    const paused = await on('paused', ['pause', 'diabetes', '--reason', 'lunch']);
    const twice = await on('paused', ['pause', 'diabetes', '--reason', 'lunch', '--by', 'bob']);
    const shown = await on('paused', ['status', 'diabetes']);
    const resumed = await on('paused', ['resume', 'diabetes']);
    const drift = await on('paused', ['drift', 'diabetes', '--adopt', '--reason', 'x']);

    expect(early).toMatchObject({
      code: 11,
      stderr: 'greenlight: The rollout of diabetes is ramping: nothing waits for approval\n',
    });
    expect(paused).toMatchObject({ code: 0, stdout: 'diabetes: paused; the gates go on watching\n' });
    expect(twice.code).toBe(11);
    expect(twice.stderr).toContain('it is paused already, by ');
    expect(shown.stdout).toMatch(/^Paused {3}by .*: lunch$/m);
    expect(shown.stdout).toContain('  greenlight resume diabetes --target host/paused\n');
    expect(resumed).toMatchObject({ code: 0, stdout: 'diabetes: resumed\n' });
    expect(drift.stderr).toContain('the endpoint is as it wrote it');
  });

  it('abort, which whoever waits sees as exit code 5', async () => {
    const spec = await specFor('aborted', LONG);
    await on('aborted', ['submit', spec]);
    await untilPhase('aborted', 'ramping');
    const waiting = on('aborted', ['status', 'diabetes', '--wait']);

    await on('aborted', ['abort', 'diabetes', '--by', 'ada', '--reason', 'wrong model']);
    const story = await waiting;
    const late = await on('aborted', ['abort', 'diabetes', '--reason', 'again']);
    const over = await on('aborted', ['status', 'diabetes']);

    expect(story.code).toBe(5);
    expect(plain(story.stdout).at(-2)).toMatch(/^ABORTED after .*: aborted by ada: wrong model$/);
    expect(late.code).toBe(10);
    expect(late.stderr).toMatch(
      /^greenlight: The rollout of diabetes ended at \S+Z: aborted: aborted by ada: wrong model\n$/,
    );
    expect(over.code).toBe(0);
    expect(over.stdout).toMatch(/^diabetes on host\/aborted: blue → green\nABORTED after /);
  });

  it('reach the rollout of a run and no other, for who must not meet a stranger', async () => {
    const spec = await specFor('named', LONG);
    const started = async (by: string) => {
      const { runId } = await json('named', ['submit', spec, '--by', by]);
      await untilPhase('named', 'ramping');
      return String(runId);
    };
    const first = await started('ada');
    const aborted = await on('named', ['abort', 'diabetes', '--run', first, '--reason', 'enough']);
    await on('named', ['status', 'diabetes', '--run', first, '--wait']);
    const second = await started('bob');

    const late = await on('named', ['abort', 'diabetes', '--run', first, '--reason', 'the job failed']);
    const story = await on('named', ['status', 'diabetes', '--run', first, '--wait']);
    const page = join(bench.folder, 'first.html');
    const kept = await json('named', ['report', 'diabetes', '--run', first, '--file', page]);

    expect(aborted.code).toBe(0);
    expect(late).toMatchObject({
      code: 10,
      stderr: expect.stringMatching(/The rollout of diabetes ended at .*: aborted by .*: enough/) as string,
    });
    expect(story.code).toBe(5);
    expect(kept).toMatchObject({ runId: first });
    expect(await readFile(page, 'utf8')).toContain(first);
    expect(await json('named', ['status', 'diabetes'])).toMatchObject({ phase: 'ramping', runId: second });
  });

  it('refuse to guess which run is meant', async () => {
    const told = await on('nowhere', ['abort', 'diabetes', '--run', '', '--reason', 'the job failed']);
    const unknown = await on('nowhere', ['abort', 'diabetes', '--run', randomUUID(), '--reason', 'x']);

    expect(told.code).toBe(2);
    expect(told.stderr).toContain('"" is no run of a rollout; expected its runId, as `greenlight submit');
    expect(unknown.code).toBe(10);
    expect(unknown.stderr).toContain('knows no rollout with the run ');
  });

  it('see what the target answers to a rollback that it does not take', async () => {
    const spec = await specFor('refused', LONG);
    const target = bench.targets.get('refused');
    await on('refused', ['submit', spec]);
    await untilPhase('refused', 'ramping');
    let heard = '';
    const waiting = on('refused', ['status', 'diabetes', '--wait'], { onLine: (text) => (heard += text) });
    if (target !== undefined)
      target.fault = (call) => (call === 'writeTraffic' ? 'throw-transient' : undefined);

    const abortedAtMs = Date.now();
    await on('refused', ['abort', 'diabetes', '--reason', 'wrong model']);
    await expect
      .poll(async () => (await json('refused', ['status', 'diabetes']))['retrying'])
      .toMatchObject({ activity: 'setTraffic', because: 'writeTraffic failed by request of the test' });
    const facts = (await json('refused', ['status', 'diabetes']))['retrying'];
    const toldAtMs = Date.now();
    const shown = await on('refused', ['status', 'diabetes']);
    await expect
      .poll(() => heard)
      .toMatch(/retrying: set the traffic, attempt \d+ since .*: writeTraffic failed by/);
    if (target !== undefined) target.fault = () => undefined;
    const story = await waiting;

    const { attempt, sinceMs } = facts as { attempt: number; sinceMs: number };
    expect(attempt).toBeGreaterThanOrEqual(2);
    expect(sinceMs).toBeGreaterThanOrEqual(abortedAtMs);
    expect(sinceMs).toBeLessThan(toldAtMs);
    expect(shown.stdout).toMatch(
      /^Retrying {2}set the traffic, attempt \d+ since \S+ \S+ UTC; the last answer: writeTraffic failed by request of the test$/m,
    );
    expect(story.code).toBe(5);
  });

  it('must choose how to settle drift', async () => {
    const told = await on('nowhere', ['drift', 'diabetes', '--reason', 'x']);

    expect(told).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'greenlight: Neither --adopt nor --restore was given; expected one of them: --adopt goes on from the traffic that stands there now, --restore writes again what the rollout wanted\n',
    });
  });

  it('learn that nothing ever ran there', async () => {
    const told = await on('nowhere', ['abort', 'diabetes', '--reason', 'x']);

    expect(told.code).toBe(10);
    expect(told.stderr).toMatch(
      /^greenlight: Temporal at \S+ knows no rollout of diabetes on host\/nowhere\.\n`greenlight list` shows those that it knows; another target is named with --target\.\n$/,
    );
  });
});

describe('list and status', () => {
  it('show what runs, as text and as JSON', async () => {
    const spec = await specFor('listed', LONG);
    await on('listed', ['submit', spec, '--by', 'ada']);
    await untilPhase('listed', 'ramping');

    await expect.poll(async () => (await on('listed', ['list'])).stdout).toMatch(/ramping {2}- +10 %/);
    const text = await on('listed', ['list']);
    const all = JSON.parse((await on('listed', ['list', '--output', 'json'])).stdout) as unknown;
    const status = await on('listed', ['status', 'diabetes']);

    expect(text.stdout).toMatch(
      /^ENDPOINT {2}TARGET {7}PHASE {4}OUTCOME {2}GREEN {2}STARTED {18}ENDED\ndiabetes {2}host\/listed {2}ramping {2}- {8}10 % {3}.* UTC {2}-\n$/,
    );
    expect(text.stderr).toBe(
      `In Temporal's UI: http://127.0.0.1:1/namespaces/${bench.namespace}/workflows?query=WorkflowType%20%3D%20'rollout'\n`,
    );
    expect(all).toMatchObject([
      { endpoint: 'diabetes', target: 'host/listed', greenShare: 10, outcome: null },
    ]);
    expect(status.stdout).toMatch(
      /^diabetes on host\/listed: blue → green\nPhase {4}ramping, step 2 of 3: ramp 10 %, for /,
    );
    expect(status.stdout).toMatch(/^ {2}✓ {2}create +green is ready/m);
    expect(status.stdout).toMatch(/^ {2}▶ {2}ramp 10 %$/m);
    expect(status.stdout).toContain("In Temporal's UI: http://127.0.0.1:1/namespaces/");
  });

  it('keep what is over for --all, with its outcome', async () => {
    const spec = await specFor('over', QUICK);
    await on('over', ['submit', spec, '--wait']);

    await expect
      .poll(async () => (await on('over', ['list', '--all'])).stdout)
      .toMatch(/diabetes {2}host\/over {2}finished {2}promoted {2}100 %/);
    expect((await on('over', ['list'])).stdout).toContain('No rollout runs.');
  });
});

describe('without Temporal', () => {
  it('says that there is none, and how to get one', async () => {
    const empty = await temporaryFolder();

    const told = await greenlight(['list', '--state', empty]);

    expect(told).toEqual({
      code: 8,
      stdout: '',
      stderr: `greenlight: There is no Temporal server to talk to: TEMPORAL_ADDRESS is not set, and none was started in ${empty}.\nStart one with \`greenlight up\`, or set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE) to one that runs.\n`,
    });
  });

  it('says which address does not answer, and where it came from', async () => {
    const dead = await stateWithTemporal('default', '127.0.0.1:1');

    const told = await greenlight(['status', 'diabetes', '--state', dead]);

    expect(told.code).toBe(8);
    expect(told.stderr).toContain(
      `greenlight: Temporal at 127.0.0.1:1 (named by \`greenlight up\`, by ${join(dead, 'temporal.json')}) does not answer: `,
    );
    expect(told.stderr).toContain('Run `greenlight up` to start it again');
  });

  it('says that a namespace is not there', async () => {
    const wrong = await stateWithTemporal('no-such-namespace');

    const told = await greenlight(['list', '--state', wrong]);

    expect(told.code).toBe(8);
    expect(told.stderr).toContain('no-such-namespace');
  });
});
