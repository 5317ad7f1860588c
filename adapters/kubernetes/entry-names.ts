/**
 * Names of a rule's entries. A share is one entry's: of several of one Service, that of the port that the deployment is reached
 * at, or the last. What another has shows under a name of its own (`blue (entry 2, port 8080)`), so that nobody takes it for
 * the deployment's, and goes when shares are written.
 */
export function distinctNames(
  entries: readonly {
    readonly name: string;
    readonly port: number | undefined;
    readonly wanted: number | undefined;
  }[],
): readonly string[] {
  return entries.map(({ name, port }, index) => {
    const atPort = entries.findLastIndex((other) => other.name === name && other.port === other.wanted);
    const own = atPort < 0 ? entries.findLastIndex((other) => other.name === name) : atPort;
    return own === index ? name : `${name} (entry ${index + 1}${port === undefined ? '' : `, port ${port}`})`;
  });
}
