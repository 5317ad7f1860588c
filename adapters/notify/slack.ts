import type { Message } from './message.js';

const MARK: Readonly<Record<Message['tone'], string>> = {
  good: ':large_green_circle:',
  bad: ':red_circle:',
  attention: ':large_yellow_circle:',
  plain: ':white_circle:',
};
/** Slack's limits, characters. */
const HEADER = 150;
const SECTION = 3_000;
const FIELD = 2_000;

/** The body of a Slack incoming webhook, in Block Kit; `text` is what notifications on a phone show. */
export function slackBody(message: Message): object {
  const { title, text, facts, commands, buttons } = message;
  return {
    text: escape(`${title}. ${text}`).slice(0, SECTION),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: title.slice(0, HEADER) } },
      section(`${MARK[message.tone]} ${escape(text)}`),
      {
        type: 'section',
        fields: facts.map(([name, value]) => mrkdwn(`*${name}*\n${escape(value)}`, FIELD)),
      },
      ...(commands.length === 0 ? [] : [section(commands.map((line) => `\`${escape(line)}\``).join('\n'))]),
      ...(buttons.length === 0
        ? []
        : [
            {
              type: 'actions',
              elements: buttons.map((button) => ({
                type: 'button',
                text: { type: 'plain_text', text: button.text },
                url: button.url,
                ...(button.danger ? { style: 'danger' } : {}),
              })),
            },
          ]),
    ],
  };
}

function section(text: string): object {
  return { type: 'section', text: mrkdwn(text, SECTION) };
}

function mrkdwn(text: string, limit: number): object {
  return { type: 'mrkdwn', text: text.length <= limit ? text : `${text.slice(0, limit - 1)}…` };
}

/** What Slack would take for mentions and links is shown as it is. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
