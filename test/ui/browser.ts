import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { onPath } from '../support/on-path.js';

/** Debian's Chromium; undefined where it is not installed. */
export const CHROMIUM = onPath('chromium');

export interface Tab {
  readonly page: Page;
  open(url: string): Promise<void>;
  /** All that a person reads on the page, frames included, with one blank between words. */
  read(): Promise<string>;
  /** Waits until the page says so. */
  says(...texts: readonly string[]): Promise<void>;
}

/** One tab of a browser for the tests of a file. */
export function useTab(prepare: (page: Page) => Promise<void> = async () => {}): Tab {
  let browser: Browser | undefined;
  let page: Page | undefined;

  beforeAll(async () => {
    if (CHROMIUM === undefined) return;
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      // As root in a container; and no calls home.
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme: 'light' });
    await prepare(page);
  });
  afterAll(() => browser?.close());

  const current = (): Page => {
    if (page === undefined) throw new Error('the browser is not started yet');
    return page;
  };
  const read = async (): Promise<string> => {
    // A frame may go while it is read; what it said is read the next time.
    const texts = await Promise.all(
      current()
        .frames()
        .map((frame) =>
          frame
            .locator('body')
            .innerText({ timeout: 2_000 })
            .catch(() => ''),
        ),
    );
    return texts.join(' ').replace(/\s+/g, ' ');
  };
  return {
    get page() {
      return current();
    },
    open: async (url) => {
      await current().goto(url, { waitUntil: 'domcontentloaded' });
    },
    read,
    says: async (...texts) => {
      let last = '';
      await expect
        .poll(
          async () => {
            last = await read();
            return texts.filter((text) => !last.includes(text));
          },
          { timeout: 25_000, interval: 250, message: 'texts that the page does not show' },
        )
        .toEqual([])
        .catch((error: unknown) => {
          throw new Error(`${String(error)}\nThe page reads: ${last.slice(0, 4_000)}`, { cause: error });
        });
    },
  };
}
