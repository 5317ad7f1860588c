import type { Notification, NotifyEvent } from '../../core/notification.js';
import { commandsOf, type Links } from './message.js';

/** Version of CDEvents whose vocabulary and shapes these are. */
const CDEVENTS = '0.4.1';

/**
 * CDEvents has words for the two ends that change what is served; what it has none for is a custom event in its form,
 * `dev.cdeventsx.<tool>-<subject>.<predicate>`.
 */
function typeOf(event: NotifyEvent): string {
  switch (event) {
    case 'promoted':
      return 'dev.cdevents.service.upgraded.0.2.0';
    case 'rolled-back':
      return 'dev.cdevents.service.rolledback.0.2.0';
    case 'started':
    case 'step-ended':
    case 'approval-wanted':
    case 'held':
    case 'rolling-back':
    case 'aborted':
    case 'rejected':
    case 'rollback-incomplete':
      return `dev.cdeventsx.greenlight-rollout.${event.replaceAll('-', '')}.0.1.0`;
    default:
      return event satisfies never;
  }
}

/** A CloudEvents 1.0 event in the structured JSON form; its data is a CDEvent, with the whole notification in `customData`. */
export function cloudEventBody(notification: Notification, links: Links): object {
  const { id, event, target, endpoint, atMs, green, baseline, digest } = notification;
  const source = `/greenlight/${target.split('/').map(encodeURIComponent).join('/')}`;
  const type = typeOf(event);
  const time = new Date(atMs).toISOString();
  // After a rollback the service runs what it ran before.
  const serves = event === 'rolled-back' ? baseline : green;
  const isService = type.startsWith('dev.cdevents.service.');
  return {
    specversion: '1.0',
    id,
    source,
    type,
    subject: endpoint,
    time,
    datacontenttype: 'application/json',
    data: {
      context: { version: CDEVENTS, id, source, type, timestamp: time },
      subject: {
        id: endpoint,
        source,
        type: isService ? 'service' : 'greenlight-rollout',
        content: isService
          ? {
              environment: { id: target, source },
              artifactId: artifactId(endpoint, serves, digest, serves === green),
            }
          : { endpoint, event, baseline, green },
      },
      customData: { ...notification, actionsNow: commandsOf(notification), links },
      customDataContentType: 'application/json',
    },
  };
}

/** A package URL: of the new version by the digest of its plan, of the old one by its name alone. */
function artifactId(endpoint: string, deployment: string, digest: string, isGreen: boolean): string {
  const name = `pkg:generic/${encodeURIComponent(endpoint)}/${encodeURIComponent(deployment)}`;
  return isGreen ? `${name}@${encodeURIComponent(digest)}` : name;
}
