/**
 * An asset's id as a deployment file writes it: one that names it whole, an address (`azureml://registries/…`) or an ARM id
 * with or without `azureml:` in front; or `azureml:NAME:VERSION`.
 *
 * @returns undefined for what names no version, such as the label `azureml:NAME@latest`.
 */
export function parseAssetId(
  id: string,
): { readonly whole: string } | { readonly name: string; readonly version: string } | undefined {
  const bare = id.startsWith('azureml://') ? id : id.replace(/^azureml:/, '');
  if (bare.startsWith('/') || /^[a-z][a-z0-9+.-]*:\/\//i.test(bare)) return { whole: bare };
  const [, name, version] = /^([^:@/]+):([^:@/]+)$/.exec(bare) ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}
