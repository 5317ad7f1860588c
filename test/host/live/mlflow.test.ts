import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHost } from './harness.js';

const MAKE_MODEL = `
import sys
import mlflow.sklearn, pandas
from sklearn.linear_model import LinearRegression

frame = pandas.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 0.0]})
model = LinearRegression().fit(frame, frame["x"] * 2 + frame["y"] + 1)
mlflow.sklearn.save_model(model, sys.argv[1], serialization_format="cloudpickle")
`;

let host: TestHost;
let key: string;

beforeAll(async () => {
  host = await TestHost.start();
  const python = process.env['GREENLIGHT_MODEL_SERVER_PYTHON'] ?? 'python3';
  const model = join(host.folder, 'linear');
  await promisify(execFile)(python, ['-c', MAKE_MODEL, model], {
    env: { ...process.env, HOME: host.folder },
  });
  await host.done('PUT', '/onlineEndpoints/mlflow', host.endpointBody());
  key = await host.key('mlflow');
  await host.done('PUT', '/onlineEndpoints/mlflow/deployments/blue', {
    location: 'local',
    properties: {
      endpointComputeType: 'Managed',
      model: pathToFileURL(model).href,
      requestSettings: { requestTimeout: 'PT5S' },
    },
  });
});

afterAll(() => host.dispose());

describe('an MLflow model without code', () => {
  it.each([
    [
      'columns and rows',
      {
        columns: ['x', 'y'],
        index: [0, 1],
        data: [
          [1, 0],
          [2, 5],
        ],
      },
    ],
    [
      'records',
      [
        { x: 1, y: 0 },
        { x: 2, y: 5 },
      ],
    ],
    [
      'plain rows',
      [
        [1, 0],
        [2, 5],
      ],
    ],
  ])('answers %s as Azure’s image does', async (_, input) => {
    const answer = await host.score(
      'mlflow',
      key,
      { input_data: input },
      { 'azureml-model-deployment': 'blue' },
    );

    expect(answer.status).toBe(200);
    const [first, second] = JSON.parse(answer.text) as number[];
    expect(first).toBeCloseTo(3);
    expect(second).toBeCloseTo(10);
  });

  it('tells what it expects of a request that is not right', async () => {
    const answer = await host.score('mlflow', key, { data: 1 }, { 'azureml-model-deployment': 'blue' });

    expect([answer.status, answer.headers['ms-azureml-model-error-statuscode']]).toEqual([424, '400']);
    expect(answer.text).toContain('input_data');
  });
});

it('a model that is not one of MLflow needs code', async () => {
  const answer = await host.arm('PUT', '/onlineEndpoints/mlflow/deployments/green', {
    location: 'local',
    properties: { endpointComputeType: 'Managed', model: pathToFileURL(join(host.folder, 'code')).href },
  });

  expect([answer.status, answer.body.error.code]).toEqual([400, 'BadArgument']);
  expect(answer.body.error.message).toContain('a folder with a file MLmodel');
});
