/**
 * Time from green's first bad answer to the verdict, and to blue at 100 % read back, on the real stack under load; and
 * what the documented rules of peers would have needed on what the same clients saw.
 *
 *   npm run bench -- detect [--rate N] [--shares 10,25,50,100] [--only TEXT] [--output json]
 *
 * Takes about half an hour. `--rate`: requests a second of each of the endpoints, one for each share.
 */
import { parseArgs } from 'node:util';
import { FAULTS, type Fault } from './detect/faults.js';
import { peerSeconds, PEERS } from './detect/peers.js';
import { DEFAULT_LOOKS, FAST_LOOKS, type Looks, type Trial, trial } from './detect/trial.js';
import { World } from './detect/world.js';
import { type Figure, tell, wholeNumber } from './support/figures.js';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '50' },
    shares: { type: 'string', default: '10,25,50,100' },
    only: { type: 'string', default: '' },
    output: { type: 'string', default: 'text' },
  },
});
const perSecond = wholeNumber('--rate', values.rate);
const shares = values.shares.split(',').map((text) => wholeNumber('--shares', text));
const chosen = FAULTS.filter(({ name }) => name.includes(values.only));

const world = await World.start();
const trials: { readonly looks: Looks; readonly trial: Trial }[] = [];
try {
  const endpoints = await Promise.all(
    shares.map(async (share) => ({
      share,
      name: `green-${share}`,
      ...(await world.endpoint(`green-${share}`)),
    })),
  );
  const round = async (fault: Fault, looks: Looks): Promise<void> => {
    const done = await Promise.all(
      endpoints.map(({ share, ...endpoint }) => trial(world, endpoint, { fault, share, looks, perSecond })),
    );
    for (const one of done) {
      trials.push({ looks, trial: one });
      process.stderr.write(`${one.fault.name} at ${one.share} %, ${looks.name}: ${one.sentence}\n`);
    }
  };
  for (const fault of chosen) await round(fault, DEFAULT_LOOKS);
  for (const fault of chosen.filter(isWholly)) await round(fault, FAST_LOOKS);
} finally {
  await world.stop();
}

const seconds = (ms: number): number => ms / 1000;
const text = (sec: number | null): string => (sec === null ? 'never' : sec.toFixed(1));
const rows = trials.map(({ looks, trial: one }) => {
  const peers = peerSeconds(one);
  const back = seconds(one.backMs - one.firstBadMs);
  const documented = peers.filter((_, i) => PEERS[i]?.documented);
  return { looks, one, peers, back, best: Math.min(...documented.map((sec) => sec ?? Infinity)) };
});

tell(
  {
    bench: 'detect',
    figures: rows.filter(({ one }) => isWholly(one.fault)).flatMap(figuresOf),
    table: [
      [
        'SECONDS',
        'SHARE',
        'VERDICT',
        'BACK',
        ...PEERS.map(({ rule, documented }) => `${rule.name}${documented ? '' : ' *'}`),
        'OURS / BEST',
      ],
      ...rows.map(({ looks, one, peers, back, best }) => [
        `${one.fault.name}${looks === DEFAULT_LOOKS ? '' : `, ${looks.name}`}`,
        `${one.share} %`,
        text(seconds(one.verdictMs - one.firstBadMs)),
        text(back),
        ...peers.map(text),
        best === Infinity ? '-' : (back / best).toFixed(2),
      ]),
    ],
    notes: [
      `${perSecond} requests/s on each of ${shares.length} endpoints at once; median 180 ms, p99 322 ms while green is well.`,
      'Green answers well for a minute at its share before it falls ill. Gates: the defaults, with their looks of 5 s.',
      'VERDICT and BACK count from the first bad answer that a client got; BACK is all live traffic read back at blue.',
      'Peers judge what the same clients saw, at once and free of charge, with limits of 1 % errors and 500 ms at p99',
      '(mean over both fleets for the alarm). From our verdict on, the ill stretch is repeated for them.',
      '* Not their documented example, but set as fast as users dare; not counted as the best peer.',
    ],
  },
  values.output === 'json',
);

function isWholly({ does }: Fault): boolean {
  return does.errors === 1;
}

function figuresOf({ looks, one, back, best }: (typeof rows)[number]): Figure[] {
  const name = `every answer wrong at ${one.share} %, ${looks.name}`;
  return [
    {
      name: `${name}: blue at 100 %`,
      value: back,
      unit: 's',
      want: { atMost: looks === DEFAULT_LOOKS ? 30 : 10 },
    },
    {
      name: `${name}: of the best documented peer's time`,
      value: back / best,
      unit: '',
      want: { atMost: 1 / 8 },
    },
  ];
}
