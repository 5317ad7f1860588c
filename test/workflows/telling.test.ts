import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LinkSigner } from '../../adapters/notify/links.js';
import { createNotifier } from '../../adapters/notify/notifier.js';
import {
  channelName,
  NOTIFY_EVENTS,
  type Notification,
  type NotifyChannel,
} from '../../core/notification.js';
import type { Step } from '../../core/plan.js';
import { serveLinks, type LinkServer } from '../../worker/links.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, CUTOVER, planOf, rampStep } from '../support/plans.js';
import { Receiver } from '../support/receiver.js';
import { useBench } from '../support/rollout-bench.js';

const env: NodeJS.ProcessEnv = {};
const signer = new LinkSigner(randomBytes(32).toString('base64'));
const forAll: NotifyChannel = { ...channel('FOR_ALL'), events: ['started', 'rejected', 'promoted'] };
const bench = useBench({
  notifier: () => {
    const links = { publicUrl: 'https://links.example', signer };
    const settings = { channels: [forAll], env, links, uiLink: () => null };
    const notifier = createNotifier(settings);
    // Who answers may take as long as a busy machine does.
    const hangs = createNotifier({ ...settings, deadlineMs: 500 });
    return {
      ...notifier,
      send: (ref, ...what) => (channelName(ref).includes('HANGS') ? hangs : notifier).send(ref, ...what),
    };
  },
});
const APPROVE: Step = { kind: 'approve', withinMs: 600_000, gates: ['errors'] };

const everyone = new Receiver();
let receiver: Receiver;

beforeAll(async () => {
  env['FOR_ALL'] = await everyone.open();
});
afterAll(() => everyone.close());
beforeEach(async ({ onTestFinished }) => {
  everyone.received.length = 0;
  receiver = new Receiver();
  env['HOOK'] = await receiver.open();
  onTestFinished(() => receiver.close());
});

function channel(variable: string, linksFor: string | null = null): NotifyChannel {
  const name = `notify[0] (${variable})`;
  return { name, url: { env: variable }, form: 'cloudevents', events: NOTIFY_EVENTS, secret: null, linksFor };
}

/** What a receiver was told, in the order in which it took it. */
function told({ received }: Receiver): (Notification & { links: Record<string, string> })[] {
  return received.map(
    ({ text }) =>
      (JSON.parse(text) as { data: { customData: Notification & { links: Record<string, string> } } }).data
        .customData,
  );
}
const eventsOf = (to: Receiver): string[] => told(to).map(({ event }) => event);

describe('a rollout tells', () => {
  it('what happens, in order, each once, to its own channel and to those that are for all', async () => {
    const notify = [channel('HOOK')];
    const rollout = await bench.start(
      planOf('told', [CREATE, rampStep(50), CUTOVER], { notify }),
      new MemoryTarget(),
    );
    await rollout.promoted();

    expect(eventsOf(receiver)).toEqual(['started', 'step-ended', 'step-ended', 'step-ended', 'promoted']);
    expect(told(receiver).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(told(receiver).map(({ id }) => id)).size).toBe(5);
    expect(told(receiver).at(-1)).toMatchObject({ endpoint: 'told', text: 'told is served by green' });
    expect(eventsOf(everyone)).toEqual(['started', 'promoted']);
  });

  it('why it goes back, and that it is back', async () => {
    const target = new MemoryTarget();
    target.behaviour.set('green', { errors: 0.5, slow: 0 });
    const notify = [channel('HOOK')];
    const rollout = await bench.start(
      planOf('told-back', [CREATE, rampStep(50), CUTOVER], { notify }),
      target,
    );
    const { report } = await rollout.failure();

    expect(eventsOf(receiver).slice(-2)).toEqual(['rolling-back', 'rolled-back']);
    expect(told(receiver).at(-2)?.text).toBe(report.reason);
  });

  it('that preflight refused it, also to those that only its worker knows', async () => {
    const target = new MemoryTarget();
    target.addDeployment('green');
    const notify = [channel('HOOK')];
    const rollout = await bench.start(planOf('told-no', [CREATE, CUTOVER], { notify }), target);
    await rollout.failure();

    expect(eventsOf(receiver)).toEqual(['rejected']);
    expect(eventsOf(everyone)).toEqual(['rejected']);
  });

  it('again where a receiver fails, under the same id', async () => {
    receiver.answer = (response, nth) => response.writeHead(nth === 1 ? 503 : 204).end();
    const notify = [channel('HOOK')];
    const rollout = await bench.start(
      planOf('told-again', [CREATE, CUTOVER], { notify }),
      new MemoryTarget(),
    );
    await rollout.promoted();

    const ids = told(receiver).map(({ id }) => id);
    expect(ids[1]).toBe(ids[0]);
    expect(eventsOf(receiver)).toEqual(['started', 'started', 'step-ended', 'step-ended', 'promoted']);
  });

  it('nobody who says no, notes that once, and goes on', async () => {
    receiver.answer = (response) => response.writeHead(404).end();
    const notify = [channel('HOOK')];
    const rollout = await bench.start(
      planOf('told-nobody', [CREATE, CUTOVER], { notify }),
      new MemoryTarget(),
    );
    const report = await rollout.promoted();

    expect(report.outcome).toBe('promoted');
    expect((await rollout.status()).notes).toEqual([
      'notify[0] (HOOK) could not be told of "started": the receiver of notify[0] (HOOK) answered 404',
    ]);
  });

  it('who listens, and is not held up by who hangs: neither in its steps, nor its rollback, nor for long at its end', async () => {
    const hanging = new Receiver();
    hanging.answer = () => undefined;
    env['HANGS'] = await hanging.open();
    const target = new MemoryTarget();
    target.behaviour.set('green', { errors: 0.5, slow: 0 });
    const notify = [channel('HANGS'), channel('HOOK')];
    const rollout = await bench.start(
      planOf('told-slow', [CREATE, rampStep(50), CUTOVER], { notify }),
      target,
    );
    try {
      const { report } = await rollout.failure();
      const closedAtMs = (await rollout.handle.describe()).closeTime?.getTime() ?? Infinity;

      // Who waited for one that hangs would for as long as it is tried: ten minutes.
      expect(report.rollbackMs).toBeLessThan(10_000);
      expect(eventsOf(receiver)).toEqual([
        'started',
        'step-ended',
        'step-ended',
        'rolling-back',
        'rolled-back',
      ]);
      expect(told(receiver).at(-1)?.atMs).toBeLessThan(report.endedAtMs + 1_000);
      // The stated bound, and a busy machine.
      expect(closedAtMs - report.endedAtMs).toBeLessThan(15_000 + 5_000);
      // What was newest by then has been tried, too.
      expect(eventsOf(hanging)).toContain('rolled-back');
    } finally {
      await hanging.close();
    }
  });

  it('nothing of addresses: they are in no history', async () => {
    env['HOOK'] = `${env['HOOK']}/SECRET-PATH`;
    receiver.answer = (response) => response.writeHead(404).end('SECRET-PATH');
    const notify = [channel('HOOK')];
    const rollout = await bench.start(
      planOf('told-secret', [CREATE, CUTOVER], { notify }),
      new MemoryTarget(),
    );
    await rollout.promoted();

    const history = Buffer.from(JSON.stringify(await rollout.handle.fetchHistory()));
    const payloads = JSON.stringify(await rollout.status());
    expect(history.toString() + payloads).not.toContain('SECRET-PATH');
    expect(receiver.received[0]?.path).toBe('/SECRET-PATH');
  });
});

describe('a link', () => {
  const servers: LinkServer[] = [];
  beforeAll(async () => {
    // As of two workers.
    const place = {
      address: 'test',
      namespace: 'default',
      connectionOptions: {},
      source: 'stack',
      origin: 'test',
      uiUrl: null,
      encryption: { dataConverter: {}, keyIds: [], codec: null },
    } as const;
    for (let i = 0; i < 2; i++) {
      servers.push(await serveLinks({ host: '127.0.0.1', port: 0 }, signer, { client: bench.client, place }));
    }
  });
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  /** The link of a message, at one of the servers. */
  const at = (server: number, link: string | undefined): string =>
    (link ?? '').replace('https://links.example', servers[server]?.url ?? '');
  const post = (url: string, reason = '') =>
    fetch(url, { method: 'POST', body: new URLSearchParams({ reason }) });
  const asked = async (nth = 1) => {
    await expect
      .poll(() => eventsOf(receiver).filter((event) => event === 'approval-wanted').length)
      .toBe(nth);
    return told(receiver).findLast(({ event }) => event === 'approval-wanted')?.links ?? {};
  };

  it('approves in the name that it was made for, when its button is pressed and not when it is only opened', async () => {
    const notify = [channel('HOOK', 'ada')];
    const plan = planOf('linked', [CREATE, APPROVE, CUTOVER], { notify, approvers: ['ada'] });
    const rollout = await bench.start(plan, new MemoryTarget());
    const { approve } = await asked();

    const page = await fetch(at(0, approve));
    const text = await page.text();
    expect(page.status).toBe(200);
    expect(text).toContain('Approve the rollout of linked?');
    expect(text).toContain('<form method="post">');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect((await rollout.status()).phase).toBe('waiting-for-approval');

    const done = await post(at(0, approve), 'looks <b>good</b>');
    expect(await done.text()).toContain('Noted as the word of ada: looks &lt;b&gt;good&lt;/b&gt;');
    const report = await rollout.promoted();
    expect(report.actions).toMatchObject([{ kind: 'approve', by: 'ada', reason: 'looks <b>good</b>' }]);

    const late = await post(at(1, approve));
    expect([late.status, await late.text()]).toEqual([410, expect.stringContaining('This rollout is over')]);
  });

  it('is good once, whichever worker it is opened at, and for its own question alone', async () => {
    const notify = [channel('HOOK', 'ada')];
    const rollout = await bench.start(
      planOf('linked-once', [CREATE, APPROVE, APPROVE, CUTOVER], { notify }),
      new MemoryTarget(),
    );
    const first = await asked();

    const answers = await Promise.all([0, 1, 0, 1].map((server) => post(at(server, first['approve']))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    const second = await asked(2);
    const old = await post(at(1, first['approve']));
    expect([old.status, await old.text()]).toEqual([
      409,
      expect.stringContaining('this is another question'),
    ]);
    expect((await post(at(1, second['approve']))).status).toBe(200);

    expect((await rollout.promoted()).actions).toHaveLength(2);
  });

  it('rejects, and the rollout goes back', async () => {
    const notify = [channel('HOOK', 'ada')];
    const rollout = await bench.start(
      planOf('linked-no', [CREATE, APPROVE, CUTOVER], { notify }),
      new MemoryTarget(),
    );
    const { reject } = await asked();

    expect((await post(at(0, reject), 'wrong file')).status).toBe(200);

    expect((await rollout.failure()).report).toMatchObject({
      outcome: 'aborted',
      reason: 'rejected by ada: wrong file',
    });
  });

  it('that expired, or was changed, says so and does nothing', async () => {
    const claim = {
      v: 1,
      workflowId: 'w',
      endpoint: 'e',
      what: '',
      ask: 'a',
      action: 'approve',
      by: 'ada',
    } as const;
    const expired = await post(
      `${servers[0]?.url}/answer?token=${signer.sign({ ...claim, expiresAtMs: 1 })}`,
    );
    const changed = await post(`${servers[0]?.url}/answer?token=x.y`);
    const nothing = await fetch(`${servers[0]?.url}/`);

    expect([expired.status, await expired.text()]).toEqual([
      410,
      expect.stringContaining('This link has expired'),
    ]);
    expect([changed.status, await changed.text()]).toEqual([
      400,
      expect.stringContaining('Nothing was done'),
    ]);
    expect(nothing.status).toBe(404);
  });
});
