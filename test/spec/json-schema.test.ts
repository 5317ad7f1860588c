import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonSchemas } from '../../spec/json-schema.js';
import { referencePage } from '../../spec/reference.js';
import { Deployment } from '../../spec/schema/deployment.js';
import { Rollout } from '../../spec/schema/rollout.js';
import { EXAMPLE, EXAMPLE_FILES } from './example.js';
import { rolloutValue, spoilt } from './arbitrary.js';

const schemas = jsonSchemas();
// "patternErrorMessage" is for editors; ajv does not know it.
const ajv = new Ajv({ strict: false });
const rollout = ajv.compile(schemas.rollout);
const deployment = ajv.compile(schemas.deployment);

describe('generated files', () => {
  it.each([
    ['schema/rollout.schema.json', `${JSON.stringify(schemas.rollout, null, 2)}\n`],
    ['schema/deployment.schema.json', `${JSON.stringify(schemas.deployment, null, 2)}\n`],
    ['docs/spec-reference.md', referencePage()],
  ])('%s is current (npm run build && npm run schema)', async (file, expected) => {
    expect(await readFile(file, 'utf8')).toBe(expected);
  });
});

describe('the JSON Schema', () => {
  it('accepts the example and its deployment file', () => {
    expect([rollout(parse(EXAMPLE)), rollout.errors]).toEqual([true, null]);
    expect(deployment(parse(String(EXAMPLE_FILES['diabetes/green-deployment.yml'])))).toBe(true);
  });

  it.each([
    ['a step without its key', { for: '2m' }],
    ['an empty step', {}],
    ['a bare word that needs a value', 'smoke'],
    ['cutover with a value', { cutover: true }],
    ['a share without a unit', { ramp: 10 }],
    ['a step with two keys', { ramp: '10%', bake: '30m' }],
  ])('refuses %s, as the parser does', (_what, step) => {
    const value = { endpoint: 'diabetes', deployment: 'green.yml', steps: [step] };

    expect([rollout(value), Rollout.safeParse(value).success]).toEqual([false, false]);
  });

  it('accepts what the parser accepts, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(rolloutValue, spoilt(rolloutValue)), (value) => {
        expect(rollout(value), JSON.stringify(rollout.errors)).toBe(Rollout.safeParse(value).success);
      }),
      { numRuns: 1_000, seed: 7 },
    );
  });

  it.each([
    [{ name: 'green', model: 'azureml:m:1' }, true],
    [{ name: 'green', model: './m' }, false],
    [{ name: 'green', model: { path: './m', version: 1.1 } }, true],
    [{ name: 'green', environment_variables: { A: true } }, true],
    [{ name: 'green', environment_variables: { A: [] } }, false],
    [{ name: 'green', scale_settings: { type: 'target_utilization', max_instances: 3 } }, true],
    [{ name: 'green', scale_settings: { type: 'default', max_instances: 3 } }, false],
    [{ name: 'green', data_collector: {} }, false],
  ])('says of the deployment %o what the parser says', (value, fits) => {
    expect([deployment(value), Deployment.safeParse(value).success]).toEqual([fits, fits]);
  });

  it('describes every field', () => {
    const bare: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      const schema = node as Record<string, unknown>;
      for (const [name, field] of Object.entries(schema['properties'] ?? {})) {
        const described = typeof (field as { description?: unknown }).description === 'string';
        if (!described) bare.push(`${path}.${name}`);
        visit(field, `${path}.${name}`);
      }
      for (const inner of [schema['items'], schema['additionalProperties']].flat()) visit(inner, path);
      for (const option of (schema['anyOf'] as unknown[] | undefined) ?? []) visit(option, path);
    };
    visit(schemas.rollout, 'rollout');
    visit(schemas.deployment, 'deployment');

    expect(bare).toEqual([]);
  });
});
