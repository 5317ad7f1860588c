import type { LinkClaim } from '../adapters/notify/links.js';
import { Html, html } from '../report/html.js';

/** What a browser is answered. */
export interface Page {
  readonly status: number;
  readonly html: string;
}

/** Asks once more: nothing is done until the button is pressed. */
export function asksPage({ action, endpoint, what, by, expiresAtMs }: LinkClaim): Page {
  const verb = action === 'approve' ? 'Approve' : 'Reject';
  const then =
    action === 'approve'
      ? 'The rollout goes on.'
      : 'The rollout rolls back: everything is put back as it was.';
  return page(
    200,
    `${verb} the rollout of ${endpoint}?`,
    html`<p>${what}. ${then}</p>
      <p>
        It will stand there as the word of <b>${by}</b>. Good once, until
        ${new Date(expiresAtMs).toUTCString()}.
      </p>
      <form method="post">
        <label>Why? <input name="reason" maxlength="1000" ${action === 'reject' ? 'required' : ''} /></label>
        <button>${verb}</button>
      </form>`,
  );
}

export function tellsPage(status: number, title: string, text: string): Page {
  return page(status, title, html`<p>${text}</p>`);
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}' +
  'input{width:100%;font:inherit;padding:.4rem;margin:.3rem 0 1rem;box-sizing:border-box}button{font:inherit;padding:.5rem 1.5rem}';

function page(status: number, title: string, body: Html): Page {
  const whole = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        ${body}
      </body>
    </html> `;
  return { status, html: whole.text };
}
