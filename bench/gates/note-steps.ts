/** One cell of the design's tables: rolled back %, promoted %, and the median seconds to what happened most, if anything. */
export type NoteCell = readonly [rolledBack: number, promoted: number, medianSec: number | null];

type NoteRow = readonly [scenario: string, rps: number, runs: number, NoteCell, NoteCell, NoteCell];

const ROWS: readonly NoteRow[] = [
  ['no regression, 0.1% errors', 1, 1000, [0, 0, null], [0, 0, null], [3.5, 51.8, 438]],
  ['no regression, 0.1% errors', 10, 1000, [0, 29.1, 1445], [0, 99.4, 820], [2.5, 85.6, 212]],
  ['no regression, 0.1% errors', 100, 1000, [0, 100, 265], [0, 100, 115], [1.4, 98.6, 90]],
  ['no regression, 0.1% errors', 1000, 1000, [0, 100, 60], [0, 100, 60], [0, 100, 60]],

  ['no regression, 1% errors', 1, 1000, [0, 0, null], [0, 0, null], [3.3, 31.9, 400]],
  ['no regression, 1% errors', 10, 1000, [0, 4, 1378], [0, 0.7, 845], [3.8, 69, 465]],
  ['no regression, 1% errors', 100, 1000, [0, 99.5, 595], [0, 1.4, 275], [1.7, 98.3, 145]],
  ['no regression, 1% errors', 1000, 1000, [0, 100, 100], [0.1, 0.9, 440], [0.1, 99.9, 60]],

  ['green cold for its first 30 s', 1, 1000, [0, 0, null], [0, 0, null], [34.1, 9.9, 585]],
  ['green cold for its first 30 s', 10, 1000, [0, 28.5, 1430], [0, 99.6, 830], [100, 0, null]],
  ['green cold for its first 30 s', 100, 1000, [0, 100, 262], [0, 100, 115], [100, 0, null]],
  ['green cold for its first 30 s', 1000, 1000, [0, 100, 60], [0, 100, 60], [100, 0, null]],

  ['green latency +5%, half of the margin', 1, 1000, [0.1, 0, null], [0, 0, null], [5.4, 42.3, 395]],
  ['green latency +5%, half of the margin', 10, 1000, [0, 2.6, 1452], [0, 99.5, 840], [7.2, 56.2, 160]],
  ['green latency +5%, half of the margin', 100, 1000, [0, 97.9, 720], [0, 100, 115], [3.4, 94.2, 245]],
  ['green latency +5%, half of the margin', 1000, 1000, [0, 100, 120], [0, 100, 60], [0.3, 99.7, 60]],

  ['errors +0.5 pp, exactly at the margin', 1, 1000, [0, 0, null], [0, 0, null], [3.8, 42.1, null]],
  ['errors +0.5 pp, exactly at the margin', 10, 1000, [0.1, 0.1, null], [0, 11.7, null], [3.3, 40.8, null]],
  ['errors +0.5 pp, exactly at the margin', 100, 1000, [0, 0.6, null], [0, 99.9, null], [2.2, 37, null]],
  ['errors +0.5 pp, exactly at the margin', 1000, 1000, [0, 0.7, null], [0, 100, null], [2.2, 34.2, null]],

  ['latency +10%, exactly at the margin', 1, 1000, [0.1, 0, null], [0, 0, null], [9.2, 31.7, null]],
  ['latency +10%, exactly at the margin', 10, 1000, [0, 0, null], [0, 98.1, null], [14.1, 25.2, null]],
  ['latency +10%, exactly at the margin', 100, 1000, [0, 0.3, null], [0, 100, null], [14.1, 12.5, null]],
  ['latency +10%, exactly at the margin', 1000, 1000, [0, 0.3, null], [0, 100, null], [10.2, 11.2, null]],

  ['errors +1 pp', 1, 400, [0.2, 0, 1195], [0, 0, null], [4.5, 28.7, 300]],
  ['errors +1 pp', 10, 400, [9.2, 0, 1305], [0.2, 0.2, 965], [22.5, 19.8, 1242]],
  ['errors +1 pp', 100, 400, [100, 0, 578], [1.8, 0.5, 1515], [98.5, 1.5, 310]],
  ['errors +1 pp', 1000, 400, [100, 0, 95], [60.8, 0, 1135], [100, 0, 35]],

  ['errors +5 pp', 1, 400, [53.8, 0, 1255], [45.8, 0, 1025], [49, 7, 1218]],
  ['errors +5 pp', 10, 400, [100, 0, 180], [100, 0, 245], [97.8, 2.2, 175]],
  ['errors +5 pp', 100, 400, [100, 0, 60], [100, 0, 65], [100, 0, 20]],
  ['errors +5 pp', 1000, 400, [100, 0, 55], [100, 0, 55], [100, 0, 5]],

  ['every request fails', 1, 400, [100, 0, 95], [100, 0, 70], [82.8, 0, 560]],
  ['every request fails', 10, 400, [100, 0, 25], [100, 0, 25], [100, 0, 75]],
  ['every request fails', 100, 400, [100, 0, 25], [100, 0, 25], [100, 0, 10]],
  ['every request fails', 1000, 400, [100, 0, 25], [100, 0, 25], [100, 0, 5]],

  ['latency +25%', 1, 400, [0.5, 0, 922], [0, 0, null], [51.5, 8, 598]],
  ['latency +25%', 10, 400, [89, 0, 1018], [0, 74.5, null], [97.2, 2.5, 205]],
  ['latency +25%', 100, 400, [100, 0, 175], [0, 100, null], [100, 0, 30]],
  ['latency +25%', 1000, 400, [100, 0, 95], [0, 100, null], [100, 0, 5]],

  ['latency 2x', 1, 400, [100, 0, 440], [13.2, 0, 1290], [100, 0, 300]],
  ['latency 2x', 10, 400, [100, 0, 100], [99.8, 0, 520], [100, 0, 30]],
  ['latency 2x', 100, 400, [100, 0, 95], [100, 0, 120], [100, 0, 5]],
  ['latency 2x', 1000, 400, [100, 0, 95], [100, 0, 95], [100, 0, 5]],

  ['3% of requests 5x slower', 1, 400, [1.2, 0, 1100], [0.5, 0, 602], [51.2, 16, 530]],
  ['3% of requests 5x slower', 10, 400, [94.8, 0, 820], [6.2, 0, 1195], [89, 11, 160]],
  ['3% of requests 5x slower', 100, 400, [100, 0, 155], [99.8, 0, 595], [100, 0, 25]],
  ['3% of requests 5x slower', 1000, 400, [100, 0, 95], [100, 0, 130], [100, 0, 5]],

  ['errors +5 pp from minute 10 on', 1, 400, [28, 0, 1495], [23.2, 0, 1465], [11.2, 38.2, 1520]],
  ['errors +5 pp from minute 10 on', 10, 400, [100, 0, 830], [61.3, 38.5, 1150], [37, 63, 908]],
  ['errors +5 pp from minute 10 on', 100, 400, [0.8, 99.2, 665], [0, 100, null], [2.2, 97.8, 700]],
  ['errors +5 pp from minute 10 on', 1000, 400, [0, 100, null], [0, 100, null], [0, 100, null]],
];

/**
 * What the design measured of single steps (its 7.1 to 7.3), as far as it says how its scenarios were made. The cells
 * are this gate's, its absolute limits', and those of z-tests with this gate's margins.
 */
export const NOTE_STEPS = ROWS.map(([scenario, rps, runs, ...cells]) => ({ scenario, rps, runs, cells }));
