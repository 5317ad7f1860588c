import type { Deployment } from '../deployment-form.js';
import { quote } from '../problem.js';
import { isMapping } from '../schema/choice.js';
import type { Finding } from './deployment.js';

const MODE = 'serving.kserve.io/deploymentMode';
const STANDARD = ['Standard', 'RawDeployment'];
/** KServe's objects are called ENDPOINT-NAME-predictor, and a Service's name has 63 characters at most. */
const LONGEST_NAMES = 52;

/**
 * What of an InferenceService cannot be a deployment: an endpoint's route sends requests to the predictor's pods, and says
 * itself who gets how many. In Knative mode there are no two versions to route between, only revisions of one object.
 */
export function inferenceServiceRules({ manifest, name }: Deployment, endpoint = ''): Finding[] {
  if (manifest?.kind !== 'InferenceService') return [];
  const findings: Finding[] = [];
  const refuse = (path: string[], message: string, help: string): void => {
    findings.push([path, { code: 'kserve', message, help }]);
  };
  if (name.length + endpoint.length > LONGEST_NAMES) {
    refuse(
      ['metadata', 'name'],
      `the names of endpoint and deployment together must be at most ${LONGEST_NAMES} characters long for an InferenceService, got ${name.length + endpoint.length}`,
      'KServe calls its objects ENDPOINT-NAME-predictor; choose a shorter name',
    );
  }
  const mode = manifest.annotations[MODE];
  if (mode !== undefined && !STANDARD.includes(mode)) {
    refuse(
      ['metadata', 'annotations', MODE],
      `an InferenceService in ${quote(mode)} mode keeps old and new version as revisions of one object: they cannot be mirrored to, pinned or deleted apart; expected ${STANDARD.join(' or ')}`,
      'leave it out: the new version is made in Standard mode, behind the route of the endpoint',
    );
  }
  const { predictor } = manifest.spec;
  if (isMapping(predictor) && 'canaryTrafficPercent' in predictor) {
    refuse(
      ['spec', 'predictor', 'canaryTrafficPercent'],
      'KServe shifts traffic by it in Knative mode only, and here the steps of the rollout say who gets how much',
      'leave it out, and write the shares as ramp steps',
    );
  }
  if (isMapping(predictor) && 'workerSpec' in predictor) {
    refuse(
      ['spec', 'predictor', 'workerSpec'],
      'a model over several nodes has workers that take no requests, and the route could not tell them apart',
      'leave it out',
    );
  }
  if ('canary' in manifest.spec) {
    refuse(
      ['spec', 'canary'],
      'the route of the endpoint shifts the traffic, and KServe would shift it as well',
      'leave it out, and write the shares as ramp steps',
    );
  }
  for (const part of ['transformer', 'explainer']) {
    if (!(part in manifest.spec)) continue;
    refuse(
      ['spec', part],
      `requests go from the route to the pods of the predictor, past a ${part}`,
      part === 'transformer'
        ? 'put it into the pods of the predictor, as a container named transformer-container'
        : 'leave it out',
    );
  }
  return findings;
}
