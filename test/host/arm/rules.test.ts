import { describe, expect, it } from 'vitest';
import { checkApiVersion } from '../../../host/arm/api-version.js';
import { mergeProperties } from '../../../host/arm/merge.js';
import { checkDeletable, checkName, checkTraffic } from '../../../host/arm/rules.js';

const ready = ['blue', 'green', 'violet'].map((name) => ({ name, state: 'Succeeded' }));
const deployments = [...ready, { name: 'broken', state: 'Failed' }];

describe('checkTraffic', () => {
  it('lets names out in lower case, without zeros', () => {
    expect(
      checkTraffic({ traffic: { Blue: 100, green: 0 }, mirror: { GREEN: 10 } }, 'managed', deployments),
    ).toEqual({ traffic: { blue: 100 }, mirror: { green: 10 } });
  });

  it.each([
    ['nothing at all', {}, {}],
    ['all of it on one', { blue: 100 }, {}],
    ['a split', { blue: 90, green: 10 }, {}],
    ['half of it mirrored', { blue: 100 }, { green: 50 }],
  ])('takes %s', (_, traffic, mirror) => {
    expect(checkTraffic({ traffic, mirror }, 'managed', deployments)).toEqual({ traffic, mirror });
  });

  it.each([
    [
      'shares that add up to something else',
      { blue: 90 },
      {},
      'add up to 90; they must add up to 100, or to 0',
    ],
    ['a negative share', { blue: 110, green: -10 }, {}, 'blue is 110; expected a whole percentage'],
    [
      'a share that is not whole',
      { blue: 99.5, green: 0.5 },
      {},
      'blue is 99.5; expected a whole percentage',
    ],
    ['one name in two spellings', { blue: 50, Blue: 50 }, {}, 'names blue twice'],
    ['a deployment that is not there', { red: 100 }, {}, 'names deployment red, which does not exist'],
    [
      'a deployment that failed',
      { broken: 100 },
      {},
      'names deployment broken, whose provisioning state is Failed',
    ],
    ['mirroring above half', { blue: 100 }, { green: 51 }, 'to green is 51 percent; at most 50'],
    [
      'mirroring to two',
      { blue: 100 },
      { green: 10, violet: 10 },
      'goes to one deployment; got green, violet',
    ],
    [
      'mirroring to a live one',
      { blue: 90, green: 10 },
      { green: 10 },
      'green has 10 percent of live traffic',
    ],
    ['mirroring to one that is not there', { blue: 100 }, { red: 10 }, 'mirrorTraffic names deployment red'],
    [
      'a name that JavaScript knows',
      { constructor: 100 },
      {},
      'names deployment constructor, which does not exist',
    ],
  ])('refuses %s', (_, traffic, mirror, message) => {
    expect(() =>
      checkTraffic({ traffic: traffic as Record<string, number>, mirror }, 'managed', deployments),
    ).toThrow(message);
  });

  it('refuses mirroring on a Kubernetes endpoint', () => {
    expect(() =>
      checkTraffic({ traffic: { blue: 100 }, mirror: { green: 10 } }, 'kubernetes', deployments),
    ).toThrow('Mirrored traffic is for managed online endpoints');
  });
});

describe('checkName', () => {
  it.each(['abc', 'a-1', 'Blue', 'x'.repeat(32)])('takes %s', (name) => {
    expect(checkName('endpoint', name)).toBe(name.toLowerCase());
  });

  it.each(['ab', '1ab', 'ab-', 'a_b', 'a.b', 'a~b', '', 'x'.repeat(33), '__proto__'])(
    'refuses "%s"',
    (name) => {
      expect(() => checkName('endpoint', name)).toThrow(/names have 3 to 32 letters/);
    },
  );
});

describe('checkDeletable', () => {
  it.each([
    [
      'live',
      { traffic: { green: 10, blue: 90 }, mirror: {} },
      '10 percent of live traffic and 0 percent mirrored',
    ],
    [
      'mirrored',
      { traffic: { blue: 100 }, mirror: { green: 5 } },
      '0 percent of live traffic and 5 percent mirrored',
    ],
  ])('refuses a deployment with %s traffic', (_, rules, message) => {
    expect(() => {
      checkDeletable('green', rules as never);
    }).toThrow(message);
  });

  it('lets one without traffic go', () => {
    expect(() => {
      checkDeletable('green', { traffic: { blue: 100 }, mirror: {} });
    }).not.toThrow();
  });
});

describe('checkApiVersion', () => {
  it.each(['2022-02-01-preview', '2022-10-01', '2023-04-01', '2025-12-01', '2026-01-15-preview'])(
    'takes %s',
    (version) => {
      expect(checkApiVersion(version)).toBe(version);
    },
  );

  it.each(['2021-10-01', 'latest', '2023-04', '2023-13-01', '2023-04-01-beta'])('refuses %s', (version) => {
    expect(() => checkApiVersion(version)).toThrow(`The api-version '${version}' is invalid`);
  });

  it.each([undefined, ''])('says that it is required when it is missing', (version) => {
    expect(() => checkApiVersion(version)).toThrow(
      'The api-version query parameter (?api-version=) is required',
    );
  });
});

describe('mergeProperties', () => {
  it('adds, and neither removes nor changes what is there', () => {
    expect(mergeProperties({ a: '1' }, { a: '2', b: '3' })).toEqual({ a: '1', b: '3' });
  });

  it('leaves out what the host itself shows: clients send back what they got', () => {
    expect(mergeProperties({}, { 'greenlight.restarts': '3', AzureAsyncOperationUri: 'x' })).toEqual({});
  });

  it('refuses settings of the host that do not exist', () => {
    expect(() => mergeProperties({}, { 'greenlight.comand': '[]' })).toThrow(
      'properties.properties.greenlight.comand is not a setting of this host; it knows greenlight.command, greenlight.probePath',
    );
  });
});
