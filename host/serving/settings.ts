import type { DeploymentRecord, RunSettings } from '../state/model.js';

/** How a generation is run: the wanted one as the deployment says, an older one as it was when it was the wanted one. */
export function settingsOf(deployment: DeploymentRecord, generation: number): RunSettings {
  const kept = generation === deployment.generation ? undefined : deployment.specs[generation]?.kept;
  if (kept) return kept;
  const { requestSettings, livenessProbe, readinessProbe } = deployment.properties;
  return { capacity: deployment.sku.capacity, requestSettings, livenessProbe, readinessProbe };
}

/**
 * To be called before a deployment gets other settings and another generation with them: what serves goes on as it is until
 * the new one is ready, and after it when that one fails.
 */
export function keepSettings(deployment: DeploymentRecord): void {
  const spec = deployment.specs[deployment.generation];
  if (spec) spec.kept = settingsOf(deployment, deployment.generation);
}

/** A change of size alone: also of an older generation that serves because the wanted one failed. */
export function resize(deployment: DeploymentRecord, capacity: number): void {
  deployment.sku.capacity = capacity;
  const serving = deployment.serving === null ? undefined : deployment.specs[deployment.serving];
  if (serving?.kept) serving.kept = { ...serving.kept, capacity };
}
