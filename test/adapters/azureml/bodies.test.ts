import { describe, expect, it } from 'vitest';
import { assetId, type AssetKind, type AssetSettings } from '../../../adapters/azureml/assets.js';
import { deploymentBody } from '../../../adapters/azureml/deployment-body.js';
import { resourceState } from '../../../adapters/azureml/states.js';
import { sampleDeployment } from './samples.js';

const here: AssetSettings = { workspaceId: '/ws', localPaths: true };
const azure: AssetSettings = { workspaceId: '/ws', localPaths: false };

describe('an asset', () => {
  it.each([
    ['model', 'azureml:diabetes:3', '/ws/models/diabetes/versions/3'],
    ['code', 'diabetes:3', '/ws/codes/diabetes/versions/3'],
    ['environment', 'azureml:sklearn:1.5', '/ws/environments/sklearn/versions/1.5'],
    ['model', 'azureml:/subscriptions/s/x', '/subscriptions/s/x'],
    ['model', '/subscriptions/s/x', '/subscriptions/s/x'],
    [
      'environment',
      'azureml://registries/azureml/environments/e/labels/latest',
      'azureml://registries/azureml/environments/e/labels/latest',
    ],
    ['model', 'file:///srv/m', 'file:///srv/m'],
  ])('%s %s is known to the service as %s', (kind, id, expected) => {
    expect(assetId(kind as AssetKind, { kind: 'id', id }, azure)).toBe(expected);
  });

  it.each(['azureml:diabetes@latest', 'diabetes', 'azureml:a:b:c'])('%s names no version', (id) => {
    expect(() => assetId('model', { kind: 'id', id }, azure)).toThrow(
      `The model "${id}" names no version; it must be azureml:NAME:VERSION, a registry address or a full id; ` +
        'pin the version, so that what was tested is what is deployed',
    );
  });

  it('on this machine is a file address where the service reads files, and refused where it does not', () => {
    const asset = { kind: 'path', path: '/srv/my code' } as const;

    expect(assetId('code', asset, here)).toBe('file:///srv/my%20code');
    expect(() => assetId('code', asset, azure)).toThrow(
      'The code is the local path /srv/my code; Azure ML deploys registered assets only; deploy it once with',
    );
  });
});

describe('a deployment', () => {
  it('on Kubernetes carries its resources and its scaling', () => {
    const spec = sampleDeployment('green', {
      kind: 'kubernetes',
      resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { gpu: '1' } },
      scale: {
        kind: 'target-utilization',
        minInstances: 1,
        maxInstances: 3,
        pollingIntervalMs: 1_000,
        targetUtilizationPercent: 70,
      },
    });

    expect(deploymentBody(spec, {}, { ...here, location: 'westeurope' }).properties).toMatchObject({
      endpointComputeType: 'Kubernetes',
      scaleSettings: {
        scaleType: 'TargetUtilization',
        minInstances: 1,
        maxInstances: 3,
        pollingInterval: 'PT1S',
        targetUtilizationPercentage: 70,
      },
      containerResourceRequirements: {
        containerResourceRequests: { cpu: '500m', memory: '1Gi' },
        containerResourceLimits: { gpu: '1' },
      },
    });
  });

  it('keeps every word of an environment that is declared in place', () => {
    const spec = sampleDeployment('green', {
      environment: {
        kind: 'inline',
        image: 'mcr/base',
        condaFile: '/srv/conda.yml',
        name: 'env',
        version: '2',
      },
    });

    expect(deploymentBody(spec, {}, { ...here, location: 'westeurope' }).properties).toMatchObject({
      environmentId: 'file:///srv/conda.yml',
      properties: {
        'greenlight.environment.image': 'mcr/base',
        'greenlight.environment.name': 'env',
        'greenlight.environment.version': '2',
      },
    });
    expect(() => deploymentBody(spec, {}, { ...azure, location: 'westeurope' })).toThrow(
      /local path|in place/,
    );
  });

  it('says nothing of what its file does not say', () => {
    const { properties } = deploymentBody(sampleDeployment('green'), {}, { ...here, location: 'westeurope' });

    expect(Object.keys(properties)).not.toEqual(
      expect.arrayContaining(['description', 'environmentId', 'containerResourceRequirements']),
    );
    expect(Object.values(properties)).not.toContain(undefined);
  });
});

it.each([
  ['Succeeded', 'ready'],
  ['Creating', 'creating'],
  ['Updating', 'updating'],
  ['Scaling', 'updating'],
  ['Deleting', 'deleting'],
  ['Failed', 'failed'],
  ['Canceled', 'failed'],
  ['SomethingNew', 'updating'],
])('reads %s as %s', (word, state) => {
  expect(resourceState(word)).toBe(state);
});
