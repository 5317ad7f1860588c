import type { Notification, NotifyChannel } from '../../../core/notification.js';

/** A rollout that asks for approval. */
export function notificationOf(more: Partial<Notification> = {}): Notification {
  return {
    v: 1,
    id: 'run-1-4',
    sequence: 4,
    event: 'approval-wanted',
    atMs: Date.UTC(2026, 10, 21, 12),
    rolloutId: 'run-1',
    workflowId: 'rollout/host/local/diabetes',
    endpoint: 'diabetes',
    target: 'host/local',
    baseline: 'blue',
    green: 'green',
    digest: 'abc123',
    phase: 'waiting-for-approval',
    step: '3 of 4: approve',
    traffic: { live: { blue: 75, green: 25 }, mirror: {} },
    text: 'a person is asked before it goes on',
    next: 'cutover, once approved',
    actionsNow: ['greenlight approve diabetes', 'greenlight reject diabetes --reason …'],
    ask: { id: 'ask-1', untilMs: Date.UTC(2026, 10, 22, 12) },
    ...more,
  };
}

export function channelOf(more: Partial<NotifyChannel> = {}): NotifyChannel {
  return {
    name: 'notify[0] (cloudevents)',
    url: { env: 'HOOK' },
    form: 'cloudevents',
    events: ['approval-wanted', 'promoted', 'rolled-back'],
    secret: { env: 'HOOK_SECRET' },
    linksFor: null,
    ...more,
  };
}
