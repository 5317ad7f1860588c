import type { Message } from './message.js';

const COLOUR: Readonly<Record<Message['tone'], string>> = {
  good: 'good',
  bad: 'attention',
  attention: 'warning',
  plain: 'default',
};

/** The body of a Teams webhook made with Workflows ("when a webhook request is received"): an Adaptive Card. */
export function teamsBody(message: Message): object {
  const { title, text, facts, commands, buttons, tone } = message;
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            { ...block(title), size: 'Large', weight: 'Bolder', color: COLOUR[tone] },
            block(text),
            { type: 'FactSet', facts: facts.map(([name, value]) => ({ title: name, value: plain(value) })) },
            ...commands.map((line) => ({ ...block(line), fontType: 'Monospace', isSubtle: true })),
          ],
          actions: buttons.map((button) => ({
            type: 'Action.OpenUrl',
            title: button.text,
            url: button.url,
            ...(button.danger ? { style: 'destructive' } : {}),
          })),
        },
      },
    ],
  };
}

function block(text: string): object {
  return { type: 'TextBlock', text: plain(text), wrap: true };
}

/** Text blocks and facts know a little Markdown: names and reasons are shown as they are. */
function plain(text: string): string {
  return text.replace(/[\\*_[\]()#`~]/g, '\\$&');
}
