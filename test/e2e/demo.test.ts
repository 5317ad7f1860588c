import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../demo/summary.js';

const DEMO = fileURLToPath(new URL('../../dist/demo/main.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly story: string;
  readonly summary: Summary;
}

/** `npm run demo` as a person runs it, on the real parts: one run, and what each test asks of it. */
describe('the demo', () => {
  let ended: Ended;

  beforeAll(async () => {
    ended = await runDemo();
  }, 400_000);

  it('ends as promised', () => {
    expect({ code: ended.code, differences: ended.summary.differences }, ended.story).toEqual({
      code: 0,
      differences: [],
    });
  });

  it('promotes v2 without a failed request', () => {
    const { good } = ended.summary;

    expect(good.outcome).toBe('promoted');
    expect(good.clients.requests).toBeGreaterThan(500);
    expect(good.clients.errors).toBe(0);
    expect(Object.keys(good.clients.byDeployment).sort()).toEqual(['blue', 'green']);
  });

  it('rolls v3 back by a gate, with the counts that it decided on', () => {
    const { bad, atTheEnd } = ended.summary;

    expect(bad.outcome).toBe('rolled-back');
    expect(bad.breach?.sentence).toMatch(/orange/);
    expect(bad.breach?.evidence.length).toBeGreaterThan(0);
    expect(atTheEnd).toEqual({ traffic: { live: { green: 100 }, mirror: {} }, deployments: ['green'] });
  });

  it('has green back at 100 % within 20 s of the first bad answer', () => {
    expect(ended.summary.bad.firstBadAnswerToReadBack).toBeLessThan(20);
  });

  it('keeps both histories under 150 events', () => {
    expect(ended.summary.good.events).toBeLessThan(150);
    expect(ended.summary.bad.events).toBeLessThan(150);
  });

  it('leaves no process and no folder behind', async () => {
    const { state } = ended.summary;

    expect(existsSync(state)).toBe(false);
    expect(await commandLinesWith(state)).toEqual([]);
  });
});

function runDemo(): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 1e8, encoding: 'utf8' } as const;
    const child = execFile(process.execPath, [DEMO, '--output', 'json'], options, (error, stdout, story) => {
      if (stdout === '') reject(new Error(`the demo ended without a result:\n${story}`, { cause: error }));
      else resolve({ code: child.exitCode, story, summary: JSON.parse(stdout) as Summary });
    });
  });
}

/** Of the processes of this machine, where the system shows them. */
async function commandLinesWith(text: string): Promise<readonly string[]> {
  if (!existsSync('/proc')) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(text)).map((line) => line.replaceAll('\0', ' '));
}
