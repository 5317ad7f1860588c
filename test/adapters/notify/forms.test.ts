import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { cloudEventBody } from '../../../adapters/notify/cloud-event.js';
import { messageOf } from '../../../adapters/notify/message.js';
import { slackBody } from '../../../adapters/notify/slack.js';
import { teamsBody } from '../../../adapters/notify/teams.js';
import { NOTIFY_EVENTS } from '../../../core/notification.js';
import { notificationOf } from './notification.js';

const links = {
  approve: 'https://g.example/answer?token=a',
  reject: 'https://g.example/answer?token=r',
  ui: null,
};

/** CloudEvents 1.0, and in its data what CDEvents 0.4 asks of every event. */
const text = { type: 'string', minLength: 1 } as const;
const cloudEvent = new Ajv().compile({
  type: 'object',
  required: ['specversion', 'id', 'source', 'type', 'data'],
  properties: {
    specversion: { const: '1.0' },
    id: text,
    source: { ...text, pattern: '^/greenlight/' },
    type: {
      pattern: '^dev\\.cdevents(x\\.greenlight-rollout\\.[a-z]+|\\.service\\.[a-z]+)\\.\\d+\\.\\d+\\.\\d+$',
    },
    subject: text,
    time: { ...text, pattern: '^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$' },
    datacontenttype: { const: 'application/json' },
    data: {
      type: 'object',
      required: ['context', 'subject'],
      additionalProperties: false,
      properties: {
        context: {
          type: 'object',
          required: ['version', 'id', 'source', 'type', 'timestamp'],
          additionalProperties: false,
          properties: { version: text, id: text, source: text, type: text, timestamp: text },
        },
        subject: {
          type: 'object',
          required: ['id', 'type', 'content'],
          additionalProperties: false,
          properties: { id: text, source: text, type: text, content: { type: 'object' } },
        },
        customData: { type: 'object' },
        customDataContentType: text,
      },
    },
  },
});

describe('a message', () => {
  it('for Slack says what, where and what can be done, with a button for each link', () => {
    expect(slackBody(messageOf(notificationOf(), links))).toMatchInlineSnapshot(`
      {
        "blocks": [
          {
            "text": {
              "text": "diabetes: approval wanted",
              "type": "plain_text",
            },
            "type": "header",
          },
          {
            "text": {
              "text": ":large_yellow_circle: a person is asked before it goes on",
              "type": "mrkdwn",
            },
            "type": "section",
          },
          {
            "fields": [
              {
                "text": "*Versions*
      blue → green",
                "type": "mrkdwn",
              },
              {
                "text": "*Where*
      host/local",
                "type": "mrkdwn",
              },
              {
                "text": "*Step*
      3 of 4: approve",
                "type": "mrkdwn",
              },
              {
                "text": "*Traffic*
      blue 75 %, green 25 %",
                "type": "mrkdwn",
              },
              {
                "text": "*Next*
      cutover, once approved",
                "type": "mrkdwn",
              },
            ],
            "type": "section",
          },
          {
            "text": {
              "text": "\`greenlight approve diabetes\`
      \`greenlight reject diabetes --reason …\`",
              "type": "mrkdwn",
            },
            "type": "section",
          },
          {
            "elements": [
              {
                "text": {
                  "text": "Approve …",
                  "type": "plain_text",
                },
                "type": "button",
                "url": "https://g.example/answer?token=a",
              },
              {
                "style": "danger",
                "text": {
                  "text": "Reject …",
                  "type": "plain_text",
                },
                "type": "button",
                "url": "https://g.example/answer?token=r",
              },
            ],
            "type": "actions",
          },
        ],
        "text": "diabetes: approval wanted. a person is asked before it goes on",
      }
    `);
  });

  it('for Teams is an Adaptive Card', () => {
    expect(teamsBody(messageOf(notificationOf(), links))).toMatchInlineSnapshot(`
      {
        "attachments": [
          {
            "content": {
              "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
              "actions": [
                {
                  "title": "Approve …",
                  "type": "Action.OpenUrl",
                  "url": "https://g.example/answer?token=a",
                },
                {
                  "style": "destructive",
                  "title": "Reject …",
                  "type": "Action.OpenUrl",
                  "url": "https://g.example/answer?token=r",
                },
              ],
              "body": [
                {
                  "color": "warning",
                  "size": "Large",
                  "text": "diabetes: approval wanted",
                  "type": "TextBlock",
                  "weight": "Bolder",
                  "wrap": true,
                },
                {
                  "text": "a person is asked before it goes on",
                  "type": "TextBlock",
                  "wrap": true,
                },
                {
                  "facts": [
                    {
                      "title": "Versions",
                      "value": "blue → green",
                    },
                    {
                      "title": "Where",
                      "value": "host/local",
                    },
                    {
                      "title": "Step",
                      "value": "3 of 4: approve",
                    },
                    {
                      "title": "Traffic",
                      "value": "blue 75 %, green 25 %",
                    },
                    {
                      "title": "Next",
                      "value": "cutover, once approved",
                    },
                  ],
                  "type": "FactSet",
                },
                {
                  "fontType": "Monospace",
                  "isSubtle": true,
                  "text": "greenlight approve diabetes",
                  "type": "TextBlock",
                  "wrap": true,
                },
                {
                  "fontType": "Monospace",
                  "isSubtle": true,
                  "text": "greenlight reject diabetes --reason …",
                  "type": "TextBlock",
                  "wrap": true,
                },
              ],
              "msteams": {
                "width": "Full",
              },
              "type": "AdaptiveCard",
              "version": "1.4",
            },
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
          },
        ],
        "type": "message",
      }
    `);
  });

  it('of a rollback that is incomplete has the commands that look and put the traffic back, on its own target', () => {
    const over = notificationOf({
      event: 'rollback-incomplete',
      phase: 'finished',
      target: 'kubernetes/models',
      actionsNow: [],
      ask: null,
    });
    const commands = [
      'greenlight endpoint show diabetes --target kubernetes/models',
      'greenlight revert diabetes --target kubernetes/models --to blue',
    ];

    expect(messageOf(over, links).commands).toEqual(commands);
    expect(cloudEventBody(over, links)).toMatchObject({ data: { customData: { actionsNow: commands } } });
    expect(messageOf({ ...over, baseline: '' }, links).commands[1]).toMatch(/ --to BASELINE$/);
  });

  it('shows names and reasons as they are, whatever a chat would make of them', () => {
    const nasty = notificationOf({ text: 'see <!channel> & *bold* [x](http://evil)' });

    expect(JSON.stringify(slackBody(messageOf(nasty, links)))).toContain('&lt;!channel&gt; &amp; *bold*');
    expect(JSON.stringify(teamsBody(messageOf(nasty, links)))).toContain(
      String.raw`\\*bold\\* \\[x\\]\\(http://evil\\)`,
    );
  });

  it.each(NOTIFY_EVENTS)('about %s is a CloudEvent with a CDEvent in it', (event) => {
    const valid = cloudEvent(cloudEventBody(notificationOf({ event }), links));

    expect(cloudEvent.errors).toBeNull();
    expect(valid).toBe(true);
  });

  it('uses the words of CDEvents for what is served now', () => {
    const promoted = cloudEventBody(notificationOf({ event: 'promoted', ask: null }), links);
    const back = cloudEventBody(notificationOf({ event: 'rolled-back', ask: null }), links);

    expect(promoted).toMatchObject({
      type: 'dev.cdevents.service.upgraded.0.2.0',
      data: {
        subject: {
          id: 'diabetes',
          type: 'service',
          content: { environment: { id: 'host/local' }, artifactId: 'pkg:generic/diabetes/green@abc123' },
        },
      },
    });
    expect(back).toMatchObject({
      type: 'dev.cdevents.service.rolledback.0.2.0',
      data: { subject: { content: { artifactId: 'pkg:generic/diabetes/blue' } } },
    });
  });
});
