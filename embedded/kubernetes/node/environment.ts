import type { CoreV1Api, V1Container, V1EnvVar, V1Pod } from '@kubernetes/client-node';

/** What of this machine's environment a container sees, as an image would bring it. */
const FROM_IMAGE = ['PATH', 'HOME', 'LANG'];

/**
 * A container's environment variables: literals, fields of the pod, keys of config maps and secrets of its namespace.
 *
 * @throws {Error} naming what this node cannot resolve.
 */
export async function environmentOf(
  api: CoreV1Api,
  pod: V1Pod,
  container: V1Container,
  address: string,
  node: string,
): Promise<NodeJS.ProcessEnv> {
  const env: NodeJS.ProcessEnv = {};
  for (const name of FROM_IMAGE) if (process.env[name] !== undefined) env[name] = process.env[name];
  const namespace = pod.metadata?.namespace ?? 'default';
  for (const source of container.envFrom ?? []) {
    const prefix = source.prefix ?? '';
    if (source.configMapRef?.name !== undefined) {
      const { data } = await api.readNamespacedConfigMap({ namespace, name: source.configMapRef.name });
      for (const [key, value] of Object.entries(data ?? {})) env[prefix + key] = value;
    }
    if (source.secretRef?.name !== undefined) {
      const { data } = await api.readNamespacedSecret({ namespace, name: source.secretRef.name });
      for (const [key, value] of Object.entries(data ?? {})) env[prefix + key] = decode(value);
    }
  }
  for (const variable of container.env ?? []) {
    const value = await valueOf(api, pod, variable, address, node);
    env[variable.name] = value.replace(/\$\(([A-Za-z_]\w*)\)/g, (all, name: string) => env[name] ?? all);
  }
  return env;
}

async function valueOf(
  api: CoreV1Api,
  pod: V1Pod,
  { name, value, valueFrom }: V1EnvVar,
  address: string,
  node: string,
): Promise<string> {
  const namespace = pod.metadata?.namespace ?? 'default';
  if (valueFrom === undefined) return value ?? '';
  if (valueFrom.fieldRef) return fieldOf(pod, valueFrom.fieldRef.fieldPath, address, node);
  const { configMapKeyRef, secretKeyRef } = valueFrom;
  if (configMapKeyRef?.name !== undefined) {
    const { data } = await api.readNamespacedConfigMap({ namespace, name: configMapKeyRef.name });
    return present(data?.[configMapKeyRef.key], `config map ${configMapKeyRef.name}`, configMapKeyRef.key);
  }
  if (secretKeyRef?.name !== undefined) {
    const { data } = await api.readNamespacedSecret({ namespace, name: secretKeyRef.name });
    return decode(present(data?.[secretKeyRef.key], `secret ${secretKeyRef.name}`, secretKeyRef.key));
  }
  throw new Error(
    `environment variable ${name}: this node takes fieldRef, configMapKeyRef and secretKeyRef only`,
  );
}

function fieldOf(pod: V1Pod, path: string, address: string, node: string): string {
  const labelled = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (labelled) return pod.metadata?.[labelled[1] as 'labels' | 'annotations']?.[labelled[2] ?? ''] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': pod.metadata?.name,
    'metadata.namespace': pod.metadata?.namespace,
    'metadata.uid': pod.metadata?.uid,
    'spec.nodeName': pod.spec?.nodeName,
    'status.podIP': address,
    'status.hostIP': node,
  };
  return present(fields[path], 'pod', path);
}

function present(value: string | undefined, where: string, key: string): string {
  if (value === undefined) throw new Error(`couldn't find key ${key} in ${where}`);
  return value;
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
