import { describe, expect, it } from 'vitest';
import { fillIn, readSelector } from '../../core/promql.js';

describe('readSelector', () => {
  it.each([
    ['answers_total', 'answers_total'],
    ['answers_total{version="$deployment"}', 'answers_total'],
    ['job:answers_total{}', 'job:answers_total'],
    [' up { job = "a" , instance =~ "b|c", } ', 'up'],
    [`x{a='it'}`, 'x'],
    ['x{a=`raw \\d`}', 'x'],
    [String.raw`x{a="say \"}\" loud"}`, 'x'],
    ['{__name__="answers_total",version="$deployment"}', 'answers_total'],
    ['{"model.answers",version="$deployment"}', 'model.answers'],
    ['{version="$deployment"}', null],
    ['sum_total{version="a"}', 'sum_total'],
  ])('reads %s', (query, metric) => {
    expect(readSelector(query)).toEqual({ ok: true, metric });
  });

  it.each([
    ['', 'the query is empty'],
    ['rate(answers_total[5m])', '"rate" is not possible here'],
    ['sum by (le) (answers_bucket)', '"sum" is not possible here'],
    ['sum(answers_total)', '"sum" is not possible here'],
    ['answers_total[5m]', 'a range such as [5m] is not possible here'],
    ['answers_total{version="a"} or vector(0)', 'expected the end of the query, got "or vector(0)"'],
    ['answers_total{version="a"', 'the query ends where "," or "}" belongs'],
    ['answers_total{version=$deployment}', 'expected a text in quotes for the label version'],
    ['answers_total{version "a"}', 'expected =, !=, =~ or !~ after the label version'],
    ['answers_total{,}', 'expected a label, got ",}"'],
    ['answers_total{version="a}', 'expected a text in quotes for the label version'],
    ['{}', 'the query names no metric and no label'],
    ['2 * answers_total', 'expected the end of the query'],
  ])('refuses %j', (query, message) => {
    const read = readSelector(query);

    expect(read.ok ? '' : read.message).toContain(message);
  });
});

it('fillIn puts names in, and leaves alone what it does not know', () => {
  expect(fillIn('x{v="$deployment",k="$kind",d="$other"}', { deployment: 'green', kind: 'live' })).toBe(
    'x{v="green",k="live",d="$other"}',
  );
  expect(fillIn('x{v="$deployment"}', { deployment: 'a"b' })).toBe(String.raw`x{v="a\"b"}`);
});
