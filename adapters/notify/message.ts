import { commandsAfterIncomplete } from '../../core/after-incomplete.js';
import { eventText, type Notification, type NotifyEvent } from '../../core/notification.js';
import { trafficText } from '../../core/traffic.js';

/** Where a person may answer, and see more. */
export interface Links {
  readonly approve: string | null;
  readonly reject: string | null;
  /** The rollout's page in Temporal's UI. */
  readonly ui: string | null;
}

/** What every form says, in words. */
export interface Message {
  readonly tone: 'good' | 'bad' | 'attention' | 'plain';
  /** `diabetes: approval wanted`. */
  readonly title: string;
  readonly text: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly commands: readonly string[];
  readonly buttons: readonly { readonly text: string; readonly url: string; readonly danger: boolean }[];
}

const TONES: Readonly<Record<NotifyEvent, Message['tone']>> = {
  started: 'plain',
  'step-ended': 'plain',
  'approval-wanted': 'attention',
  held: 'attention',
  'rolling-back': 'bad',
  promoted: 'good',
  'rolled-back': 'bad',
  aborted: 'bad',
  rejected: 'bad',
  'rollback-incomplete': 'bad',
};

/** The commands that make sense now. A rollout that is over has none itself: what is left to do then is a person's. */
export function commandsOf(notification: Notification): readonly string[] {
  return notification.event === 'rollback-incomplete'
    ? commandsAfterIncomplete(notification)
    : notification.actionsNow;
}

export function messageOf(notification: Notification, { approve, reject, ui }: Links): Message {
  const { endpoint, event, text, baseline, green, target, step, traffic, next } = notification;
  const asks = event === 'approval-wanted' || event === 'held' || event === 'rollback-incomplete';
  const button = (label: string, url: string | null, danger = false) =>
    url === null ? [] : [{ text: label, url, danger }];
  const facts: [string, string][] = [
    ['Versions', `${baseline || '?'} → ${green}`],
    ['Where', target],
    ['Step', step],
    ['Traffic', traffic === null ? '' : trafficText(traffic)],
    ['Next', next],
  ];
  return {
    tone: TONES[event],
    title: `${endpoint}: ${eventText(event).toLowerCase()}`,
    text,
    facts: facts.filter(([, value]) => value !== ''),
    commands: asks ? commandsOf(notification) : [],
    buttons: [
      ...button('Approve …', approve),
      ...button('Reject …', reject, true),
      ...button("Show in Temporal's UI", ui),
    ],
  };
}
