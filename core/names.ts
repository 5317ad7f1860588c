/** Where rollouts wait for a worker. The CLI starts them there, the worker polls it. */
export const TASK_QUEUE = 'greenlight';

/** Used where neither the environment nor Temporal's configuration file names another. */
export const DEFAULT_NAMESPACE = 'default';

/** Name of the Worker Deployment that all workers of rollouts belong to, where they have versions. */
export const WORKER_DEPLOYMENT = 'greenlight';
