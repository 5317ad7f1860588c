import { createAzureMlEndpoints } from '../../../adapters/azureml/endpoints.js';
import { endpointsContract } from './contract.js';
import { FakeArm, settingsFor } from './fake-arm.js';
import { sampleDeployment } from './samples.js';

// The fake keeps the same contract as the real service, so that what is tried on it means something.
endpointsContract('the fake', async () => {
  const arm = await FakeArm.start();
  arm.questionsPerOperation = 4;
  return {
    endpoints: createAzureMlEndpoints(settingsFor(arm)),
    deployment: (name) => sampleDeployment(name, { instanceCount: 1 }),
    body: '{}',
    stop: () => arm.stop(),
  };
});
