import { OUTCOMES } from './failures.js';
import type { Phase } from './run.js';
import type { Traffic } from './traffic.js';

/** What people and programs can be told of a rollout. The ends are named as their outcomes. */
export const NOTIFY_EVENTS = [
  'started',
  'step-ended',
  'approval-wanted',
  'held',
  'rolling-back',
  ...OUTCOMES,
] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** What is told where a channel names no events: all but each step, which is for programs that keep count. */
export const USUAL_EVENTS: readonly NotifyEvent[] = NOTIFY_EVENTS.filter((event) => event !== 'step-ended');

/** Where a secret is to be found by whoever uses it: its value is in no spec, plan or history. */
export type SecretReference = { readonly env: string } | { readonly file: string };

/** As it stands in a spec. */
export function referenceText(reference: SecretReference): string {
  return 'env' in reference ? `\${env:${reference.env}}` : `\${file:${reference.file}}`;
}

/** How the body of a message is written. */
export type NotifyForm = 'slack' | 'teams' | 'cloudevents';

/** Somebody who is told. */
export interface NotifyChannel {
  /** What it is called, for people. */
  readonly name: string;
  readonly url: SecretReference;
  readonly form: NotifyForm;
  readonly events: readonly NotifyEvent[];
  /** Signs each message (Standard Webhooks); null: unsigned. */
  readonly secret: SecretReference | null;
  /** Whose word the approve and reject links in it carry; null: no links. */
  readonly linksFor: string | null;
}

/** A channel as a workflow knows it: one of its plan, or one that the worker has for all rollouts, by its place. */
export type ChannelRef =
  | { readonly from: 'plan'; readonly channel: NotifyChannel }
  | {
      readonly from: 'worker';
      readonly index: number;
      readonly name: string;
      readonly events: readonly NotifyEvent[];
    };

/** Something that a rollout tells. Plain data, no secrets. */
export interface Notification {
  readonly v: 1;
  /** Unique, and the same for every attempt to deliver it. */
  readonly id: string;
  /** Counts what this rollout tells, from 1: whoever gets two in the wrong order can tell. */
  readonly sequence: number;
  readonly event: NotifyEvent;
  readonly atMs: number;
  readonly rolloutId: string;
  readonly workflowId: string;
  readonly endpoint: string;
  readonly target: string;
  readonly baseline: string;
  readonly green: string;
  /** The plan's digest: which version of what. */
  readonly digest: string;
  readonly phase: Phase;
  /** `2 of 5: ramp 25 %`. */
  readonly step: string;
  readonly traffic: Traffic | null;
  /** One sentence: what happened, and why. */
  readonly text: string;
  /** What comes next, or can be done, in words. */
  readonly next: string;
  readonly actionsNow: readonly string[];
  /** The question that an approval answers; null where nothing is asked. */
  readonly ask: Ask | null;
}

/** A question to a person, as long as it is open. Its id makes a link good for this question alone. */
export interface Ask {
  readonly id: string;
  /** When it is answered by the rollout itself; null: never. */
  readonly untilMs: number | null;
}

/** `notify[0] (slack)` and the like. */
export function channelName(ref: ChannelRef): string {
  return ref.from === 'plan' ? ref.channel.name : ref.name;
}

export function channelEvents(ref: ChannelRef): readonly NotifyEvent[] {
  return ref.from === 'plan' ? ref.channel.events : ref.events;
}

/** `Approval wanted`: a headline's words. */
export function eventText(event: NotifyEvent): string {
  const words = event.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
