// Workflow functions only: every export of this file is registered as a workflow.
export { rollout } from './rollout.js';
export { rolloutQueue } from './rollout-queue.js';
