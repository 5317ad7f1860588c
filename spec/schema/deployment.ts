import { z } from 'zod';
import { choice, isMapping, type Misfit } from './choice.js';
import { filePath, resourceName } from './names.js';
import { refusing, type Refusal } from './refused.js';
import { plainText } from './texts.js';

/** A text that may stand unquoted even where YAML reads a number or a boolean; its text in the file counts. */
const scalarText = (description: string) =>
  choice(description, [z.string(), z.number(), z.boolean()], () => z.string()).transform(String);

const texts = (description: string, value: string) =>
  z.record(z.string().min(1), scalarText(value)).prefault({}).describe(description);

const assetId = () =>
  plainText(/^azureml:[^\s]+$/, {
    code: 'asset',
    expected: 'the id of a registered asset such as azureml:my-model:1',
    help: 'an asset is name and version, e.g. azureml:my-model:1',
  });

const whole = (least: number, most: number) => z.int().min(least).max(most);
const seconds = (least: number) => whole(least, 3600);

const InlineModel = refusing(
  z.strictObject({
    path: filePath().describe('File or folder of the model, relative to this file.'),
    name: z.string().min(1).max(255).optional().describe('Name of the model, for people.'),
    version: scalarText('Version of the model, for people.').optional(),
    type: z
      .literal('custom_model')
      .prefault('custom_model')
      .describe('Kind of model; only custom_model, which a scoring script loads.'),
  }),
  Object.fromEntries(
    ['description', 'tags', 'properties', 'flavors', 'stage', 'datastore', 'intellectual_property'].map((key) => [
      key,
      {
        why: 'it belongs to a registered model, and nothing is registered here',
        help: 'register the model and name it, e.g. azureml:my-model:1, or leave the field out',
      },
    ]),
  ),
);
const ModelId = assetId();
const Model = choice(
  'The model: the id of a registered one (azureml:name:version), or a mapping with its path.',
  [ModelId, InlineModel],
  (value): z.ZodType | Misfit =>
    isMapping(value)
      ? InlineModel
      : typeof value === 'string' && !value.startsWith('azureml:')
        ? {
            code: 'asset',
            message: `a model is the id of a registered one or a mapping with its path; got ${JSON.stringify(value.slice(0, 60))}`,
            help: 'for a file or folder write "model: { path: ./model }"; for a registered model "model: azureml:my-model:1"',
          }
        : ModelId,
);

const InlineEnvironment = refusing(
  z.strictObject({
    image: z.string().min(1).max(1024).optional().describe('Container image.'),
    conda_file: filePath().optional().describe('Conda file with the packages, relative to this file.'),
    name: z.string().min(1).max(255).optional().describe('Name of the environment.'),
    version: scalarText('Version of the environment.').optional(),
  }),
  {
    build: {
      why: 'images are not built here',
      help: 'build the image in your pipeline and name it with "image"',
    },
    inference_config: {
      why: 'routes and ports of an own server are fixed in a registered environment',
      help: 'register the environment and name it, e.g. azureml:my-environment:1',
    },
    ...Object.fromEntries(
      ['description', 'tags', 'properties', 'os_type', 'datastore'].map((key) => [
        key,
        {
          why: 'it belongs to a registered environment, and nothing is registered here',
          help: 'register the environment and name it, e.g. azureml:my-environment:1, or leave the field out',
        },
      ]),
    ),
  },
);
const EnvironmentId = assetId();
const Environment = choice(
  'The environment: the id of a registered one (azureml:name:version), or a mapping with image and conda_file.',
  [EnvironmentId, InlineEnvironment],
  (value) => (isMapping(value) ? InlineEnvironment : EnvironmentId),
);

const probe = (what: string) =>
  z
    .strictObject({
      initial_delay: seconds(1).prefault(10).describe('Seconds after the start of an instance until the first probe.'),
      period: seconds(1).prefault(10).describe('Seconds from one probe to the next.'),
      timeout: seconds(1).prefault(2).describe('Seconds after which a probe has failed.'),
      success_threshold: whole(1, 1000).prefault(1).describe('Successes in a row that count as healthy.'),
      failure_threshold: whole(1, 1000).prefault(30).describe('Failures in a row that count as unhealthy.'),
    })
    .prefault({})
    .describe(what);

const DefaultScale = z.strictObject({
  type: z.literal('default').describe('A fixed number of instances.'),
});
const TargetUtilization = z.strictObject({
  type: z.literal('target_utilization').describe('As many instances as the load asks for; Kubernetes only.'),
  min_instances: whole(1, 1000).prefault(1).describe('Fewest instances.'),
  max_instances: whole(1, 1000).prefault(1).describe('Most instances.'),
  polling_interval: seconds(1).prefault(1).describe('Seconds between two looks at the load.'),
  target_utilization_percentage: whole(1, 100).prefault(70).describe('Share of busy instances to aim at, in percent.'),
});
const AnyScale = z.looseObject({
  type: z.enum(['default', 'target_utilization']).describe('How instances are counted.'),
});
const Scale = choice('How many instances there are over time.', [DefaultScale, TargetUtilization], (value) => {
  if (isMapping(value) && value['type'] === 'default') return DefaultScale;
  return isMapping(value) && value['type'] === 'target_utilization' ? TargetUtilization : AnyScale;
}).prefault({ type: 'default' });

const amounts = (what: string) =>
  z
    .strictObject({
      cpu: scalarText('Processor cores, e.g. 500m or 1.').optional(),
      memory: scalarText('Memory, e.g. 512Mi or 1Gi.').optional(),
      'nvidia.com/gpu': scalarText('NVIDIA graphics cards, e.g. 1.').optional(),
    })
    .optional()
    .describe(what);

const BATCH: Refusal = {
  why: 'it belongs to a batch deployment; expected an online deployment',
  help: 'name the file of an online deployment (managed or kubernetes)',
};
const OnlineType = z.enum(['managed', 'kubernetes']);
/** What the file of a batch deployment has for its type. */
const BATCH_TYPES: ReadonlySet<unknown> = new Set(['model', 'pipeline']);
const Type = choice(
  'Who runs it: Azure ML itself, or a Kubernetes cluster attached to it.',
  [OnlineType],
  (value): z.ZodType | Misfit =>
    BATCH_TYPES.has(value)
      ? {
          code: 'not-carried',
          message: `"type: ${String(value)}" is not carried: ${BATCH.why}`,
          help: BATCH.help,
        }
      : OnlineType,
);
const READ_ONLY: Refusal = { why: 'the service sets it', help: 'leave it out' };

export const Deployment = refusing(
  z
    .strictObject({
      $schema: z.string().optional().describe('Address of the JSON Schema, for editors.'),
      name: resourceName().describe('Name of the deployment.'),
      endpoint_name: resourceName()
        .optional()
        .describe('Endpoint of the deployment; must be the endpoint of the rollout.'),
      type: Type.prefault('managed'),
      description: z.string().max(4096).optional().describe('Text for people.'),
      tags: texts('Tags of the deployment.', 'Value of a tag.'),
      properties: texts('Properties of the deployment; they can be added, never changed.', 'Value of a property.'),
      model: Model.optional(),
      model_mount_path: z
        .string()
        .min(1)
        .max(1024)
        .optional()
        .describe('Where the model is mounted in the container.'),
      code_configuration: z
        .strictObject({
          code: filePath().describe('Folder with the scoring code, relative to this file.'),
          scoring_script: filePath().describe('The file in it that has init() and run().'),
        })
        .optional()
        .describe('The scoring code.'),
      environment: Environment.optional(),
      environment_variables: texts(
        'Environment variables of the instances. They stand in the plan and in Temporal: a secret is named, as `${secret:NAME}`, and never written here.',
        'Value of a variable, taken as it stands in the file; `${secret:NAME}` is replaced by the worker when the deployment is created.',
      ),
      instance_type: z
        .string()
        .min(1)
        .max(255)
        .optional()
        .describe('Size of the machines; needed for managed deployments on Azure ML.'),
      instance_count: whole(1, 1000).prefault(1).describe('Number of instances.'),
      app_insights_enabled: z
        .boolean()
        .prefault(false)
        .describe('Whether requests are recorded in Application Insights.'),
      egress_public_network_access: z
        .enum(['enabled', 'disabled'])
        .optional()
        .describe('Whether instances may reach public networks; managed only; default as Azure ML has it, enabled.'),
      request_settings: z
        .strictObject({
          max_concurrent_requests_per_instance: whole(1, 10_000)
            .prefault(1)
            .describe('Requests that one instance answers at the same time.'),
          request_timeout_ms: whole(1, 300_000)
            .prefault(5000)
            .describe('Milliseconds after which a request has failed; at most 180000 managed, 300000 kubernetes.'),
          max_queue_wait_ms: whole(0, 300_000)
            .prefault(500)
            .describe('Milliseconds that a request may wait for a free instance.'),
        })
        .prefault({})
        .describe('How requests are taken.'),
      liveness_probe: probe('When an instance counts as alive.'),
      readiness_probe: probe('When an instance counts as ready for requests.'),
      scale_settings: Scale,
      resources: z
        .strictObject({
          requests: amounts('What an instance is given at least.'),
          limits: amounts('What an instance may use at most.'),
        })
        .optional()
        .describe('What a container gets of its node; kubernetes only.'),
    })
    .describe('An Azure ML online deployment, managed or kubernetes.'),
  {
    data_collector: {
      why: 'the API version in use (2023-04-01) has no data collection',
      help: 'leave it out, and turn collection on after the rollout with "az ml online-deployment update"',
    },
    startup_probe: {
      why: 'the API version in use (2023-04-01) has no startup probe',
      help: 'give readiness_probe a longer initial_delay or a higher failure_threshold instead',
    },
    private_network_connection: {
      why: 'it is replaced by egress_public_network_access',
      help: 'write "egress_public_network_access: disabled"',
    },
    with_package: {
      why: 'models are not packaged here',
      help: 'package the model first, and name the environment that comes out of it',
    },
    identity: { why: 'it belongs to the endpoint', help: 'set it on the endpoint and leave it out here' },
    id: READ_ONLY,
    provisioning_state: READ_ONLY,
    creation_context: READ_ONLY,
    settings: BATCH,
    component: BATCH,
    job_definition: BATCH,
    logging_level: BATCH,
    compute: BATCH,
    mini_batch_size: BATCH,
    output_action: BATCH,
    output_file_name: BATCH,
    retry_settings: BATCH,
    max_concurrency_per_instance: BATCH,
    error_threshold: BATCH,
  },
);
export type Deployment = z.output<typeof Deployment>;

/** Where texts may stand unquoted: `*` is any key. */
export const SCALAR_TEXTS: readonly (readonly string[])[] = [
  ['tags', '*'],
  ['properties', '*'],
  ['environment_variables', '*'],
  ['model', 'version'],
  ['environment', 'version'],
  ['resources', '*', '*'],
];
