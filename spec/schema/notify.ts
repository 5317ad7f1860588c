import { z } from 'zod';
import { NOTIFY_EVENTS } from '../../core/notification.js';
import { personName } from './names.js';
import { plainText } from './texts.js';

/** Only a reference is taken, so that no secret can stand in a spec by mistake. */
const secretReference = () =>
  plainText(/^\$\{(?:env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:[^\u0000{}]{1,1024})\}$/, {
    code: 'secret',
    expected: 'where the secret is, such as ${env:SLACK_WEBHOOK} or ${file:/run/secrets/slack}',
    help: 'the variable or file is looked up where the worker runs; the secret itself stands in no spec',
  });

export const Channel = z.strictObject({
  webhook: secretReference().describe(
    'Where the address of the webhook is: `${env:NAME}` or `${file:PATH}`, looked up by the worker.',
  ),
  form: z
    .enum(['slack', 'teams', 'cloudevents'])
    .prefault('cloudevents')
    .describe('For whom it is written: Slack, Teams (a Workflows webhook), or programs (CloudEvents 1.0).'),
  events: z
    .array(z.enum(NOTIFY_EVENTS))
    .min(1)
    .optional()
    .describe('What is told; default everything but step-ended.'),
  secret: secretReference()
    .optional()
    .describe('Where the secret is that signs each message (Standard Webhooks, HMAC-SHA256); default: unsigned.'),
  'links-for': personName()
    .optional()
    .describe(
      'Whose word the approve and reject links carry, where the worker serves them. Name one person, in a channel that this person alone reads.',
    ),
});
export type Channel = z.output<typeof Channel>;

export const Channels = z.array(Channel).max(20);
