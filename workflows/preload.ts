// Runs once in each thread of workflows, before any of them: what stands here and below is shared by all of them and frozen,
// and not loaded again for each. It may keep nothing of a single workflow at module level.
import './index.js';

// Temporal takes a stack trace for every promise of a workflow, and looks each frame up in the source map.
Object.assign(Error, { stackTraceLimit: 4 });
