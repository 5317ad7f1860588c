import { COMMAND_PROPERTY, PORT_PROPERTY, PROBE_PATH_PROPERTY } from '../../core/deployment.js';
import type { Deployment } from '../deployment-form.js';
import { quote } from '../problem.js';
import { isMapping } from '../schema/choice.js';
import type { Source } from '../source.js';
import type { Finding } from './deployment.js';
import { inferenceServiceRules } from './kserve.js';

const LONGEST_NAMES = 62;
const NAME = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const IMAGE_HELP =
  'build model, code and packages into an image, and write "environment: { image: … }"; environment_variables reach it';

/** What a Kubernetes namespace cannot run is said here: nothing of the file is dropped. */
export function kubernetesRules(
  form: Deployment,
  source: Source,
  place: { readonly endpoint: string | undefined; readonly namespace: string },
): Finding[] {
  const name = form.manifest === undefined ? ['name'] : ['metadata', 'name'];
  const findings: Finding[] = nameRules(form.name, place.endpoint).map((complaint) => [name, complaint]);
  if (form.manifest !== undefined) {
    return [
      ...findings,
      ...namespaceRule(source, place.namespace),
      ...inferenceServiceRules(form, place.endpoint),
    ];
  }
  return [...findings, ...fieldRules(form), ...propertyRules(form), ...writtenRules(form, source)];
}

/** A manifest runs in a Kubernetes namespace only. */
export function manifestRules({ manifest }: Deployment): Finding[] {
  if (manifest === undefined) return [];
  return [
    [
      ['kind'],
      {
        code: 'manifest',
        message: `a Kubernetes ${manifest.kind ?? 'Deployment'} runs in a Kubernetes namespace only; expected an Azure ML deployment file`,
        help: 'write "target: { kubernetes: { namespace: … } }" in the spec, or name the file of an Azure ML deployment',
      },
    ],
  ];
}

function nameRules(name: string, endpoint: string | undefined): Finding[1][] {
  const together = name.length + (endpoint ?? '').length;
  if (!NAME.test(name)) {
    return [
      {
        code: 'name',
        message: `must be small letters, digits and dashes in a Kubernetes namespace, got ${quote(name)}`,
        help: 'a letter first, no dash last',
      },
    ];
  }
  if (together <= LONGEST_NAMES) return [];
  return [
    {
      code: 'name',
      message: `the names of endpoint and deployment together must be at most ${LONGEST_NAMES} characters long, got ${together}`,
      help: 'its objects are called ENDPOINT-NAME; choose a shorter name',
    },
  ];
}

function namespaceRule({ value }: Source, namespace: string): Finding[] {
  const named = isMapping(value) && isMapping(value['metadata']) ? value['metadata']['namespace'] : undefined;
  if (named === undefined || named === namespace) return [];
  return [
    [
      ['metadata', 'namespace'],
      {
        code: 'other-namespace',
        message: `the manifest is for namespace ${quote(String(named))}; expected ${quote(namespace)}`,
        help: 'leave it out',
      },
    ],
  ];
}

function fieldRules(form: Deployment): Finding[] {
  const findings: Finding[] = [];
  const refuse = (path: string[], message: string, help: string): void => {
    findings.push([path, { code: 'not-on-kubernetes', message, help }]);
  };
  if (form.type !== 'kubernetes') {
    refuse(
      ['type'],
      `a Kubernetes namespace runs deployments of type kubernetes, got ${form.type}`,
      'write "type: kubernetes"',
    );
  }
  if (form.model !== undefined)
    refuse(['model'], 'nothing is mounted into pods here; expected a model inside the image', IMAGE_HELP);
  if (form.model_mount_path !== undefined)
    refuse(['model_mount_path'], 'nothing is mounted into pods here', 'leave it out');
  if (form.code_configuration !== undefined) {
    refuse(['code_configuration'], 'no code is copied into pods; expected it inside the image', IMAGE_HELP);
  }
  const { environment } = form;
  if (typeof environment !== 'object' || environment.image === undefined) {
    refuse(
      ['environment'],
      'a Kubernetes namespace runs container images; expected an environment with one',
      IMAGE_HELP,
    );
  }
  if (typeof environment === 'object' && environment.conda_file !== undefined) {
    refuse(
      ['environment', 'conda_file'],
      'no packages are installed into pods; expected them inside the image',
      IMAGE_HELP,
    );
  }
  if (form.instance_type !== undefined) {
    refuse(
      ['instance_type'],
      'a Kubernetes namespace knows no sizes of machines',
      'leave it out, and write resources',
    );
  }
  if (form.app_insights_enabled) {
    refuse(
      ['app_insights_enabled'],
      'requests are not recorded in Application Insights here',
      'leave it out',
    );
  }
  if (form.scale_settings.type === 'target_utilization' && form.resources?.requests?.cpu === undefined) {
    refuse(
      ['scale_settings', 'type'],
      'the autoscaler of Kubernetes counts by the cpu that an instance asked for, and this one asks for none',
      'write "resources: { requests: { cpu: 500m } }"',
    );
  }
  return findings;
}

/** Defaults are nobody's wish; what stands in the file is. */
function writtenRules(form: Deployment, { value }: Source): Finding[] {
  const written = (part: string, key: string): boolean =>
    isMapping(value) && isMapping(value[part]) && key in (value[part] as object);
  const findings: Finding[] = [];
  if (written('request_settings', 'max_queue_wait_ms')) {
    findings.push([
      ['request_settings', 'max_queue_wait_ms'],
      {
        code: 'not-on-kubernetes',
        message: 'no queue stands in front of pods, so no wait in it can be limited',
        help: 'leave it out; request_timeout_ms limits the whole request',
      },
    ]);
  }
  if (form.scale_settings.type === 'target_utilization' && written('scale_settings', 'polling_interval')) {
    findings.push([
      ['scale_settings', 'polling_interval'],
      {
        code: 'not-on-kubernetes',
        message: 'how often autoscalers look is set for the whole cluster',
        help: 'leave it out (kube-controller-manager --horizontal-pod-autoscaler-sync-period)',
      },
    ]);
  }
  return findings;
}

function propertyRules({ properties }: Deployment): Finding[] {
  return Object.entries(properties).flatMap(([key, value]): Finding[] => {
    const wrong = (message: string, help: string): Finding[] => [
      [['properties', key], { code: 'property', message, help }],
    ];
    switch (key) {
      case COMMAND_PROPERTY:
        return isCommand(value)
          ? []
          : wrong(
              `must be a JSON list of words, got ${quote(value)}`,
              `write '["python3", "serve.py", "--port", "{port}"]'`,
            );
      case PORT_PROPERTY:
        return /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535
          ? []
          : wrong(`must be a port from 1 to 65535, got ${quote(value)}`, 'write "5001"');
      case PROBE_PATH_PROPERTY:
        return value.startsWith('/') ? [] : wrong(`must be a path, got ${quote(value)}`, 'write "/"');
      default:
        return wrong(
          `${quote(key)} means nothing to a Kubernetes namespace; expected ${COMMAND_PROPERTY}, ${PORT_PROPERTY} or ${PROBE_PATH_PROPERTY}`,
          'leave it out, or make it a tag: tags are kept',
        );
    }
  });
}

function isCommand(text: string): boolean {
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string');
  } catch {
    return false;
  }
}
