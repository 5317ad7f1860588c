import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type BundleOptions } from '@temporalio/worker';

/**
 * The workflows in one piece, as a worker runs them, which takes seconds to make. Most take what the global setup has made,
 * `inject('workflowCode')`; a failure converter and plugins need their own.
 */
export async function bundleWorkflows(
  more: Pick<BundleOptions, 'failureConverterPath' | 'plugins'> = {},
): Promise<{ readonly code: string }> {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    workflowInterceptorModules: [fileURLToPath(new URL('../../workflows/ahead.ts', import.meta.url))],
    logger: new DefaultLogger('ERROR'),
    ...more,
  });
}
