import { randomBytes } from 'node:crypto';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import {
  ApplicationFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
  type PayloadCodec,
} from '@temporalio/common';
import { expect, it } from 'vitest';
import { changesBetween } from '../../client/events.js';
import { retryingOf, retryingText } from '../../client/retrying.js';
import { openEncryption } from '../../codec/data-converter.js';
import { START_MS, statusOf } from '../cli/statuses.js';

const HOUR_S = 3_600;
const NOW_MS = START_MS + 60_000;
const RETRYING = {
  activity: 'setTraffic',
  attempt: 14,
  sinceMs: START_MS,
  because: 'PUT diabetes: 503 ServiceUnavailable',
};

function clientWith(payloadCodecs: readonly PayloadCodec[] = []): Client {
  const loadedDataConverter = { payloadCodecs, payloadConverter: defaultPayloadConverter };
  return { options: { loadedDataConverter } } as unknown as Client;
}

/** A write of traffic that was refused and waits for its next attempt, as Temporal describes it. */
function pendingOf(more: object = {}) {
  return {
    activityType: { name: 'setTraffic' },
    attempt: 14,
    expirationTime: { seconds: START_MS / 1_000 + HOUR_S },
    activityOptions: { scheduleToCloseTimeout: { seconds: HOUR_S } },
    lastFailure: failureOf(RETRYING.because),
    ...more,
  };
}

function failureOf(message: string) {
  return { message, applicationFailureInfo: { type: 'PortTransient' } };
}

function described(...pendingActivities: readonly object[]): WorkflowExecutionDescription {
  return { raw: { pendingActivities } } as unknown as WorkflowExecutionDescription;
}

it('says what is asked for again, at which attempt, since when, and what was answered last', async () => {
  const retrying = await retryingOf(clientWith(), described(pendingOf()), NOW_MS);

  expect(retrying).toEqual(RETRYING);
  expect(retryingText(RETRYING)).toBe(
    'set the traffic, attempt 14 since 2026-11-21 14:02:00 UTC; the last answer: PUT diabetes: 503 ServiceUnavailable',
  );
});

it('does without a time where Temporal tells none', async () => {
  const retrying = await retryingOf(clientWith(), described(pendingOf({ expirationTime: null })), NOW_MS);

  expect(retrying).toMatchObject({ sinceMs: null });
  expect(retryingText({ ...RETRYING, sinceMs: null })).toContain(
    'set the traffic, attempt 14; the last answer',
  );
});

it('reads an answer that is encrypted', async () => {
  const key = `spring:${randomBytes(32).toString('base64')}`;
  const { codec } = await openEncryption({ GREENLIGHT_CODEC_KEYS: key });
  const failure = new DefaultFailureConverter({ encodeCommonAttributes: true }).errorToFailure(
    ApplicationFailure.create({ message: RETRYING.because, type: 'PortTransient' }),
    defaultPayloadConverter,
  );
  const [encodedAttributes] = (await codec?.encode([failure.encodedAttributes ?? {}])) ?? [];
  const pending = pendingOf({ lastFailure: { ...failure, encodedAttributes } });

  expect(failure.message).toBe('Encoded failure');
  expect(await retryingOf(clientWith(codec === null ? [] : [codec]), described(pending), NOW_MS)).toEqual(
    RETRYING,
  );
});

it('reads an answer that is too long for Temporal, which keeps its beginning', async () => {
  const lastFailure = {
    message: 'Failure exceeds size limit.',
    serverFailureInfo: {},
    cause: failureOf(RETRYING.because),
  };

  expect(await retryingOf(clientWith(), described(pendingOf({ lastFailure })), NOW_MS)).toEqual(RETRYING);
});

it('says where an answer is to be found that is too long for Temporal, and encrypted', async () => {
  const lastFailure = { serverFailureInfo: {}, cause: failureOf('Encoded failure') };

  expect(await retryingOf(clientWith(), described(pendingOf({ lastFailure })), NOW_MS)).toMatchObject({
    because: "too long for Temporal to keep under codec keys; the worker's log has it",
  });
});

it('repeats no token', async () => {
  const lastFailure = failureOf('401 for\nBearer ey.123');

  expect(await retryingOf(clientWith(), described(pendingOf({ lastFailure })), NOW_MS)).toMatchObject({
    because: '401 for Bearer [redacted]',
  });
});

it.each([
  ['nothing that goes well', { lastFailure: null, attempt: 1 }],
  [
    'no attempt that was lost with its worker',
    { lastFailure: { message: 'activity Heartbeat timeout', timeoutFailureInfo: {} } },
  ],
  ['no channel that is not there', { activityType: { name: 'notify' } }],
  [
    'no attempt that lasts, whatever the one before it met',
    { activityType: { name: 'createDeployment' }, lastStartedTime: { seconds: NOW_MS / 1_000 - 600 } },
  ],
])('shows %s', async (_what, more) => {
  expect(await retryingOf(clientWith(), described(pendingOf(more)), NOW_MS)).toBeNull();
});

it('finds it beside what goes well', async () => {
  const channel = pendingOf({ activityType: { name: 'notify' } });

  expect(await retryingOf(clientWith(), described(channel, pendingOf()), NOW_MS)).toEqual(RETRYING);
});

it('is told at the first refusal, then less and less often', () => {
  const told: number[] = [];
  let last = statusOf({ phase: 'rolling-back' });

  for (let attempt = 1; attempt <= 100; attempt++) {
    const next = { ...last, retrying: attempt === 1 ? null : { ...RETRYING, attempt } };
    if (changesBetween(last, next).some(({ kind }) => kind === 'retrying')) told.push(attempt);
    last = next;
  }

  expect(told).toEqual([2, 4, 8, 16, 32, 64]);
});
