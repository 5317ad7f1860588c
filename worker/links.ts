import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LinkClaim, LinkSigner } from '../adapters/notify/links.js';
import { GreenlightError } from '../client/errors.js';
import { sendAction } from '../client/send-action.js';
import type { Session } from '../client/temporal.js';
import { asksPage, tellsPage, type Page } from './link-pages.js';

export interface LinkServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A reason fits in it many times over. */
const LARGEST_FORM = 8 * 1024;
const LONGEST_REASON = 1_000;

/**
 * Answers the links of notifications: `/answer?token=…`.
 *
 * A GET only shows what would be done, because mail and chat programs open links to preview them; the button's POST does
 * it. That a link is good once is the rollout's own doing: it takes one answer to each question, from whichever worker.
 */
export async function serveLinks(
  at: { readonly host: string; readonly port: number },
  signer: LinkSigner,
  session: Session,
): Promise<LinkServer> {
  const server = createServer((request, response) => {
    void pageOf(request, signer, session)
      .catch((): Page =>
        tellsPage(
          500,
          'This did not work',
          'Nothing may have been done. Try again, or use the command line.',
        ),
      )
      .then((page) => write(response, page, request.method === 'HEAD'));
  });
  // A browser sends a form in one go.
  server.requestTimeout = 15_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, resolve);
  });
  const { port, address, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function pageOf(request: IncomingMessage, signer: LinkSigner, session: Session): Promise<Page> {
  const url = new URL(request.url ?? '/', 'http://links');
  if (url.pathname !== '/answer' && !url.pathname.endsWith('/answer')) {
    return tellsPage(
      404,
      'There is nothing here',
      'Links to approve or reject a rollout come with its notifications.',
    );
  }
  const checked = signer.check(url.searchParams.get('token') ?? '', Date.now());
  if (!checked.ok) {
    return checked.why === 'expired'
      ? tellsPage(
          410,
          'This link has expired',
          'Nothing was done. Look at the rollout itself: `greenlight status` shows what can be done now.',
        )
      : tellsPage(
          400,
          'This is not a link of Greenlight',
          'It was changed on its way, or cut off. Nothing was done.',
        );
  }
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return asksPage(checked.claim);
    case 'POST':
      return act(session, checked.claim, await reasonIn(request));
    default:
      return tellsPage(405, 'This is not how links work', 'Open the link in a browser.');
  }
}

async function act(session: Session, claim: LinkClaim, given: string): Promise<Page> {
  const { workflowId, endpoint, ask, action, by } = claim;
  const reason = given === '' ? `${action === 'approve' ? 'approved' : 'rejected'} by link` : given;
  try {
    const handle = session.client.workflow.getHandle(workflowId);
    // A name of its own each time: an answer given twice is to be told so, and not to look like the first.
    const answer = await sendAction(session, handle, action, { by, reason, ask }, `link-${randomUUID()}`);
    return tellsPage(200, `${endpoint}: ${answer}`, `Noted as the word of ${by}: ${reason}`);
  } catch (error) {
    if (!(error instanceof GreenlightError)) throw error;
    const { code, message } = error;
    if (code === 'refused')
      return tellsPage(409, 'This link does nothing any more', `${message}. Nothing was done.`);
    if (code === 'not-found') {
      return tellsPage(
        410,
        'This rollout is over',
        `The rollout of ${endpoint} has ended. Nothing was done.`,
      );
    }
    return tellsPage(503, 'Nobody answered', `It may still be done. ${message}`);
  }
}

async function reasonIn(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > LARGEST_FORM) throw new Error('the form is too large');
  }
  return (new URLSearchParams(text).get('reason') ?? '').trim().slice(0, LONGEST_REASON);
}

function write(response: ServerResponse, { status, html }: Page, headOnly: boolean): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    // The address holds the token: it goes nowhere else, and nobody frames the button.
    'referrer-policy': 'no-referrer',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    'x-content-type-options': 'nosniff',
    'x-robots-tag': 'noindex',
  });
  response.end(headOnly ? undefined : html);
}
