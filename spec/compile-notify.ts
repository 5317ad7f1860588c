import { USUAL_EVENTS, type NotifyChannel, type SecretReference } from '../core/notification.js';
import type { Channel } from './schema/notify.js';

/** @param list - what the list is called, for people: `notify`. */
export function compileChannels(channels: readonly Channel[], list: string): readonly NotifyChannel[] {
  return channels.map(({ webhook, form, events, secret, 'links-for': linksFor }, index) => ({
    name: `${list}[${index}] (${form})`,
    url: referenceIn(webhook),
    form,
    events: events ?? USUAL_EVENTS,
    secret: secret === undefined ? null : referenceIn(secret),
    linksFor: linksFor ?? null,
  }));
}

function referenceIn(text: string): SecretReference {
  const [kind, ...rest] = text.slice(2, -1).split(':');
  const where = rest.join(':');
  return kind === 'env' ? { env: where } : { file: where };
}
