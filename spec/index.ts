export { loadSpec, parseSpec, type Loaded } from './load.js';
export { loadDeployment } from './load-deployment.js';
export { loadChannels } from './load-notify.js';
export { planDigest } from './digest.js';
export type { Problem } from './problem.js';
export { renderProblems } from './render.js';
export { renderPlan } from './render-plan.js';
