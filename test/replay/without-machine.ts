/** `24110@some-host` and what is named after it, such as a worker's own task queue. */
const PROCESS = /\b\d+@[\w.-]+/g;

/**
 * Takes out of a history, in place, who ran it and where: nobody's business, and different each time. Process ids, host
 * names and stack traces, which hold paths.
 */
export function withoutMachine<T>(part: T): T {
  if (typeof part !== 'object' || part === null || part instanceof Uint8Array) return part;
  const fields = part as Record<string, unknown>;
  for (const [key, value] of Object.entries(fields)) {
    if (key === 'stackTrace') fields[key] = '';
    else if (typeof value === 'string') fields[key] = value.replace(PROCESS, 'recorder');
    else withoutMachine(value);
  }
  return part;
}
