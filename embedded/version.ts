/** Major, minor, patch. */
export type Version = readonly [major: number, minor: number, patch: number];

/** The first `x.y.z` (or `x.y`) that `pattern` captures in `text`; undefined when there is none. */
export function findVersion(text: string, pattern: RegExp): Version | undefined {
  const found = pattern.exec(text)?.[1];
  const parts = found === undefined ? undefined : /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(found);
  return parts ? [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)] : undefined;
}

export function atLeast(version: Version, minimum: Version): boolean {
  for (const [i, wanted] of minimum.entries()) {
    const have = version[i] ?? 0;
    if (have !== wanted) return have > wanted;
  }
  return true;
}

export function versionText(version: Version): string {
  return version.join('.');
}
