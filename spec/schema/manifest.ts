import { z } from 'zod';
import { resourceName } from './names.js';

const strings = (description: string) => z.record(z.string(), z.string()).optional().describe(description);

const Container = z.looseObject({
  name: z.string().min(1).describe('Name of the container.'),
  image: z.string().min(1).describe('Container image.'),
  ports: z
    .array(
      z.looseObject({
        name: z.string().optional().describe('Name of the port.'),
        containerPort: z.int().min(1).max(65_535).describe('The port.'),
      }),
    )
    .optional()
    .describe('Ports; the one that takes requests is named http, or is the only one.'),
});

const metadata = (called: string) =>
  z
    .strictObject({
      name: resourceName().describe('Name of the deployment; the object is called ENDPOINT-NAME.'),
      namespace: z.string().optional().describe("Must be the target's, or be left out."),
      labels: strings(`Labels of the ${called}.`),
      annotations: strings(`Annotations of the ${called}.`),
    })
    .describe('Name, labels and annotations.');

/** A Kubernetes Deployment as a deployment file. What is not named here goes to the API server, which checks it strictly. */
export const Manifest = z
  .strictObject({
    apiVersion: z.literal('apps/v1').describe('API of the manifest.'),
    kind: z.literal('Deployment').describe('Kind of the manifest.'),
    metadata: metadata('Deployment'),
    spec: z
      .looseObject({
        replicas: z.int().min(1).max(1000).prefault(1).describe('Number of instances.'),
        selector: z
          .strictObject({ matchLabels: strings('Labels of its pods.') })
          .optional()
          .describe('Which pods are its own; the labels of Greenlight are added.'),
        template: z
          .looseObject({
            spec: z
              .looseObject({ containers: z.array(Container).min(1).describe('The containers.') })
              .describe('What runs.'),
          })
          .describe('The pods.'),
      })
      .describe('The Deployment, as Kubernetes takes it.'),
  })
  .describe('A Kubernetes Deployment (apps/v1), for targets of kind kubernetes.');
export type Manifest = z.output<typeof Manifest>;

/** An InferenceService of KServe as a deployment file; rules/kserve.ts says what of it cannot be. */
export const InferenceServiceManifest = z
  .strictObject({
    apiVersion: z.literal('serving.kserve.io/v1beta1').describe('API of the manifest.'),
    kind: z.literal('InferenceService').describe('Kind of the manifest.'),
    metadata: metadata('InferenceService'),
    spec: z
      .looseObject({
        predictor: z
          .looseObject({
            minReplicas: z.int().min(1).max(1000).prefault(1).describe('Fewest instances.'),
            containers: z.array(Container.partial()).optional().describe('The containers.'),
          })
          .describe('What serves the model.'),
      })
      .describe('The InferenceService, as KServe takes it.'),
  })
  .describe('A KServe InferenceService (serving.kserve.io/v1beta1), for targets of kind kubernetes.');
export type InferenceServiceManifest = z.output<typeof InferenceServiceManifest>;
