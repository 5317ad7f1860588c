/** One cell of the design's tables: rolled back %, promoted %, and the median seconds to what happened most, if anything. */
export type NoteCell = readonly [rolledBack: number, promoted: number, medianSec: number | null];

/** What the design measured of single steps (its 7.1 to 7.3), as far as it says how its scenarios were made. */
export const NOTE_STEPS: readonly {
  readonly scenario: string;
  readonly rps: number;
  readonly runs: number;
  /** This gate, its absolute limits, and z-tests with this gate's margins. */
  readonly cells: readonly [NoteCell, NoteCell, NoteCell];
}[] = [
  {
    scenario: 'no regression, 0.1% errors',
    rps: 1,
    runs: 1000,
    cells: [
      [0, 0, null],
      [0, 0, null],
      [3.5, 51.8, 438],
    ],
  },
  {
    scenario: 'no regression, 0.1% errors',
    rps: 10,
    runs: 1000,
    cells: [
      [0, 29.1, 1445],
      [0, 99.4, 820],
      [2.5, 85.6, 212],
    ],
  },
  {
    scenario: 'no regression, 0.1% errors',
    rps: 100,
    runs: 1000,
    cells: [
      [0, 100, 265],
      [0, 100, 115],
      [1.4, 98.6, 90],
    ],
  },
  {
    scenario: 'no regression, 0.1% errors',
    rps: 1000,
    runs: 1000,
    cells: [
      [0, 100, 60],
      [0, 100, 60],
      [0, 100, 60],
    ],
  },
  {
    scenario: 'no regression, 1% errors',
    rps: 1,
    runs: 1000,
    cells: [
      [0, 0, null],
      [0, 0, null],
      [3.3, 31.9, 400],
    ],
  },
  {
    scenario: 'no regression, 1% errors',
    rps: 10,
    runs: 1000,
    cells: [
      [0, 4, 1378],
      [0, 0.7, 845],
      [3.8, 69, 465],
    ],
  },
  {
    scenario: 'no regression, 1% errors',
    rps: 100,
    runs: 1000,
    cells: [
      [0, 99.5, 595],
      [0, 1.4, 275],
      [1.7, 98.3, 145],
    ],
  },
  {
    scenario: 'no regression, 1% errors',
    rps: 1000,
    runs: 1000,
    cells: [
      [0, 100, 100],
      [0.1, 0.9, 440],
      [0.1, 99.9, 60],
    ],
  },
  {
    scenario: 'green cold for its first 30 s',
    rps: 1,
    runs: 1000,
    cells: [
      [0, 0, null],
      [0, 0, null],
      [34.1, 9.9, 585],
    ],
  },
  {
    scenario: 'green cold for its first 30 s',
    rps: 10,
    runs: 1000,
    cells: [
      [0, 28.5, 1430],
      [0, 99.6, 830],
      [100, 0, null],
    ],
  },
  {
    scenario: 'green cold for its first 30 s',
    rps: 100,
    runs: 1000,
    cells: [
      [0, 100, 262],
      [0, 100, 115],
      [100, 0, null],
    ],
  },
  {
    scenario: 'green cold for its first 30 s',
    rps: 1000,
    runs: 1000,
    cells: [
      [0, 100, 60],
      [0, 100, 60],
      [100, 0, null],
    ],
  },
  {
    scenario: 'green latency +5%, half of the margin',
    rps: 1,
    runs: 1000,
    cells: [
      [0.1, 0, null],
      [0, 0, null],
      [5.4, 42.3, 395],
    ],
  },
  {
    scenario: 'green latency +5%, half of the margin',
    rps: 10,
    runs: 1000,
    cells: [
      [0, 2.6, 1452],
      [0, 99.5, 840],
      [7.2, 56.2, 160],
    ],
  },
  {
    scenario: 'green latency +5%, half of the margin',
    rps: 100,
    runs: 1000,
    cells: [
      [0, 97.9, 720],
      [0, 100, 115],
      [3.4, 94.2, 245],
    ],
  },
  {
    scenario: 'green latency +5%, half of the margin',
    rps: 1000,
    runs: 1000,
    cells: [
      [0, 100, 120],
      [0, 100, 60],
      [0.3, 99.7, 60],
    ],
  },
  {
    scenario: 'errors +0.5 pp, exactly at the margin',
    rps: 1,
    runs: 1000,
    cells: [
      [0, 0, null],
      [0, 0, null],
      [3.8, 42.1, null],
    ],
  },
  {
    scenario: 'errors +0.5 pp, exactly at the margin',
    rps: 10,
    runs: 1000,
    cells: [
      [0.1, 0.1, null],
      [0, 11.7, null],
      [3.3, 40.8, null],
    ],
  },
  {
    scenario: 'errors +0.5 pp, exactly at the margin',
    rps: 100,
    runs: 1000,
    cells: [
      [0, 0.6, null],
      [0, 99.9, null],
      [2.2, 37, null],
    ],
  },
  {
    scenario: 'errors +0.5 pp, exactly at the margin',
    rps: 1000,
    runs: 1000,
    cells: [
      [0, 0.7, null],
      [0, 100, null],
      [2.2, 34.2, null],
    ],
  },
  {
    scenario: 'latency +10%, exactly at the margin',
    rps: 1,
    runs: 1000,
    cells: [
      [0.1, 0, null],
      [0, 0, null],
      [9.2, 31.7, null],
    ],
  },
  {
    scenario: 'latency +10%, exactly at the margin',
    rps: 10,
    runs: 1000,
    cells: [
      [0, 0, null],
      [0, 98.1, null],
      [14.1, 25.2, null],
    ],
  },
  {
    scenario: 'latency +10%, exactly at the margin',
    rps: 100,
    runs: 1000,
    cells: [
      [0, 0.3, null],
      [0, 100, null],
      [14.1, 12.5, null],
    ],
  },
  {
    scenario: 'latency +10%, exactly at the margin',
    rps: 1000,
    runs: 1000,
    cells: [
      [0, 0.3, null],
      [0, 100, null],
      [10.2, 11.2, null],
    ],
  },
  {
    scenario: 'errors +1 pp',
    rps: 1,
    runs: 400,
    cells: [
      [0.2, 0, 1195],
      [0, 0, null],
      [4.5, 28.7, 300],
    ],
  },
  {
    scenario: 'errors +1 pp',
    rps: 10,
    runs: 400,
    cells: [
      [9.2, 0, 1305],
      [0.2, 0.2, 965],
      [22.5, 19.8, 1242],
    ],
  },
  {
    scenario: 'errors +1 pp',
    rps: 100,
    runs: 400,
    cells: [
      [100, 0, 578],
      [1.8, 0.5, 1515],
      [98.5, 1.5, 310],
    ],
  },
  {
    scenario: 'errors +1 pp',
    rps: 1000,
    runs: 400,
    cells: [
      [100, 0, 95],
      [60.8, 0, 1135],
      [100, 0, 35],
    ],
  },
  {
    scenario: 'errors +5 pp',
    rps: 1,
    runs: 400,
    cells: [
      [53.8, 0, 1255],
      [45.8, 0, 1025],
      [49, 7, 1218],
    ],
  },
  {
    scenario: 'errors +5 pp',
    rps: 10,
    runs: 400,
    cells: [
      [100, 0, 180],
      [100, 0, 245],
      [97.8, 2.2, 175],
    ],
  },
  {
    scenario: 'errors +5 pp',
    rps: 100,
    runs: 400,
    cells: [
      [100, 0, 60],
      [100, 0, 65],
      [100, 0, 20],
    ],
  },
  {
    scenario: 'errors +5 pp',
    rps: 1000,
    runs: 400,
    cells: [
      [100, 0, 55],
      [100, 0, 55],
      [100, 0, 5],
    ],
  },
  {
    scenario: 'every request fails',
    rps: 1,
    runs: 400,
    cells: [
      [100, 0, 95],
      [100, 0, 70],
      [82.8, 0, 560],
    ],
  },
  {
    scenario: 'every request fails',
    rps: 10,
    runs: 400,
    cells: [
      [100, 0, 25],
      [100, 0, 25],
      [100, 0, 75],
    ],
  },
  {
    scenario: 'every request fails',
    rps: 100,
    runs: 400,
    cells: [
      [100, 0, 25],
      [100, 0, 25],
      [100, 0, 10],
    ],
  },
  {
    scenario: 'every request fails',
    rps: 1000,
    runs: 400,
    cells: [
      [100, 0, 25],
      [100, 0, 25],
      [100, 0, 5],
    ],
  },
  {
    scenario: 'latency +25%',
    rps: 1,
    runs: 400,
    cells: [
      [0.5, 0, 922],
      [0, 0, null],
      [51.5, 8, 598],
    ],
  },
  {
    scenario: 'latency +25%',
    rps: 10,
    runs: 400,
    cells: [
      [89, 0, 1018],
      [0, 74.5, null],
      [97.2, 2.5, 205],
    ],
  },
  {
    scenario: 'latency +25%',
    rps: 100,
    runs: 400,
    cells: [
      [100, 0, 175],
      [0, 100, null],
      [100, 0, 30],
    ],
  },
  {
    scenario: 'latency +25%',
    rps: 1000,
    runs: 400,
    cells: [
      [100, 0, 95],
      [0, 100, null],
      [100, 0, 5],
    ],
  },
  {
    scenario: 'latency 2x',
    rps: 1,
    runs: 400,
    cells: [
      [100, 0, 440],
      [13.2, 0, 1290],
      [100, 0, 300],
    ],
  },
  {
    scenario: 'latency 2x',
    rps: 10,
    runs: 400,
    cells: [
      [100, 0, 100],
      [99.8, 0, 520],
      [100, 0, 30],
    ],
  },
  {
    scenario: 'latency 2x',
    rps: 100,
    runs: 400,
    cells: [
      [100, 0, 95],
      [100, 0, 120],
      [100, 0, 5],
    ],
  },
  {
    scenario: 'latency 2x',
    rps: 1000,
    runs: 400,
    cells: [
      [100, 0, 95],
      [100, 0, 95],
      [100, 0, 5],
    ],
  },
  {
    scenario: '3% of requests 5x slower',
    rps: 1,
    runs: 400,
    cells: [
      [1.2, 0, 1100],
      [0.5, 0, 602],
      [51.2, 16, 530],
    ],
  },
  {
    scenario: '3% of requests 5x slower',
    rps: 10,
    runs: 400,
    cells: [
      [94.8, 0, 820],
      [6.2, 0, 1195],
      [89, 11, 160],
    ],
  },
  {
    scenario: '3% of requests 5x slower',
    rps: 100,
    runs: 400,
    cells: [
      [100, 0, 155],
      [99.8, 0, 595],
      [100, 0, 25],
    ],
  },
  {
    scenario: '3% of requests 5x slower',
    rps: 1000,
    runs: 400,
    cells: [
      [100, 0, 95],
      [100, 0, 130],
      [100, 0, 5],
    ],
  },
  {
    scenario: 'errors +5 pp from minute 10 on',
    rps: 1,
    runs: 400,
    cells: [
      [28, 0, 1495],
      [23.2, 0, 1465],
      [11.2, 38.2, 1520],
    ],
  },
  {
    scenario: 'errors +5 pp from minute 10 on',
    rps: 10,
    runs: 400,
    cells: [
      [100, 0, 830],
      [61.3, 38.5, 1150],
      [37, 63, 908],
    ],
  },
  {
    scenario: 'errors +5 pp from minute 10 on',
    rps: 100,
    runs: 400,
    cells: [
      [0.8, 99.2, 665],
      [0, 100, null],
      [2.2, 97.8, 700],
    ],
  },
  {
    scenario: 'errors +5 pp from minute 10 on',
    rps: 1000,
    runs: 400,
    cells: [
      [0, 100, null],
      [0, 100, null],
      [0, 100, null],
    ],
  },
];
