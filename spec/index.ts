export { compile, loadSpec, parseSpec, type Loaded, type Parsed, type Spec } from './load.js';
export { loadChannels, type LoadedChannels } from './load-notify.js';
export { planDigest } from './digest.js';
export type { Position, Problem } from './problem.js';
export { renderProblem, renderProblems } from './render.js';
export { renderPlan } from './render-plan.js';
