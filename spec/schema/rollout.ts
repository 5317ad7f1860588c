import { z } from 'zod';
import { choice, isMapping, type Misfit } from './choice.js';
import { Gate, sharedKnobs } from './gates.js';
import { contextName, filePath, gateName, namespaceName, resourceGroupName, resourceName, subscriptionId, workspaceName } from './names.js';
import { Channels } from './notify.js';
import { approvers, MOST_STEPS, Step } from './steps.js';
import { confidence, duration, durationOrZero } from './texts.js';

const HostTarget = z.strictObject({
  host: z
    .strictObject({
      workspace: workspaceName().prefault('local').describe('Workspace of the endpoint host.'),
    })
    .describe('The endpoint host on this machine.'),
});
const AzureTarget = z.strictObject({
  azureml: z
    .strictObject({
      subscription: subscriptionId().describe('Id of the Azure subscription.'),
      'resource-group': resourceGroupName().describe("The workspace's resource group."),
      workspace: workspaceName().describe('The Azure ML workspace.'),
    })
    .describe('An Azure ML workspace.'),
});

const KubernetesTarget = z.strictObject({
  kubernetes: z
    .strictObject({
      namespace: namespaceName().describe('The namespace of the endpoint.'),
      context: contextName()
        .optional()
        .describe(
          "Context of the kubeconfig; default its current one, or the worker's own service account where it runs in the cluster.",
        ),
    })
    .describe('A Kubernetes namespace, with a Gateway API gateway in front.'),
});

const TARGETS = { host: HostTarget, azureml: AzureTarget, kubernetes: KubernetesTarget };

function chooseTarget(value: unknown): z.ZodType | Misfit {
  const named = isMapping(value) ? Object.entries(TARGETS).filter(([kind]) => kind in value) : [];
  const [only, ...more] = named;
  if (only !== undefined && more.length === 0) return only[1];
  return {
    code: 'target',
    message: 'a target is one of "host", "azureml" and "kubernetes"',
    help: 'write "target: { host: { workspace: local } }", "target: { azureml: { subscription: …, resource-group: …, workspace: … } }" or "target: { kubernetes: { namespace: … } }"',
  };
}

const Target = choice(
  'Where the endpoint lives: the endpoint host on this machine, an Azure ML workspace, or a Kubernetes namespace.',
  [HostTarget, AzureTarget, KubernetesTarget],
  chooseTarget,
).prefault({ host: {} });

const Watching = z
  .strictObject({
    interval: duration().prefault('5s').describe('Time between two looks at the metrics.'),
    'warm-up': durationOrZero()
      .prefault('30s')
      .describe(
        "Time after green's first traffic of a step that is not judged; only the crash guard is on. At least the longest usual request.",
      ),
    confidence: z
      .strictObject({
        'roll-back': confidence()
          .prefault('99%')
          .describe('99%: at most one in a hundred rollouts of a good green goes back by mistake.'),
        proceed: confidence()
          .prefault('95%')
          .describe('95%: at most one in twenty steps with a bad green goes on by mistake.'),
      })
      .prefault({})
      .describe('How sure a decision has to be.'),
    ...sharedKnobs,
  })
  .prefault({})
  .describe('How the gates watch; what holds for all gates of the rollout.');

export const Rollout = z
  .strictObject({
    version: z.literal(1).prefault(1).describe('Version of this format.'),
    endpoint: resourceName().describe('Name of the endpoint; it exists already.'),
    deployment: filePath().describe(
      "File of green, the new version: an Azure ML deployment, as `az ml online-deployment create --file` takes it, or a Kubernetes manifest; relative to the spec, and inside its folder.",
    ),
    baseline: resourceName()
      .optional()
      .describe(
        'The deployment to compare with and to return to; default the one that holds all live traffic when the rollout starts.',
      ),
    target: Target,
    adopt: z
      .boolean()
      .prefault(false)
      .describe("Whether to use a deployment of green's name that exists already, if it is the same."),
    'after-rollback': z
      .enum(['delete-green', 'keep-green'])
      .prefault('delete-green')
      .describe('What becomes of green after a rollback; kept, it gets no traffic and can be examined.'),
    'rollback-within': duration()
      .prefault('1h')
      .describe('How long a rollback tries before it ends as incomplete and calls for a person.'),
    notify: Channels.optional().describe(
      'Who is told what happens, by webhook. Nothing waits for it, and nothing fails of it.',
    ),
    approvers: approvers(
      'Who may let the rollout go on where it waits for a person: approve, or adopt a change from outside; default everyone who can reach Temporal. Stopping it and taking it back is open to everyone.',
    ),
    watching: Watching,
    gates: z
      .record(gateName(), Gate)
      .optional()
      .describe(
        'The gates by name; default "errors" (error-rate, worse-by 0.5pp) and "latency" (p95, slower-by 10%; not on Azure ML).',
      ),
    steps: z
      .array(Step)
      .min(1)
      .max(MOST_STEPS)
      .optional()
      .describe(
        'The steps, in order; default create, mirror 10%, ramp 10% 25% 50%, cutover, bake 30m, delete-baseline (no mirror on Azure ML).',
      ),
  })
  .describe('A rollout of a new version of a model endpoint.');
export type Rollout = z.output<typeof Rollout>;
