/**
 * Milliseconds of an ISO 8601 duration as ARM has them: `PT5S`, `PT0.5S`, `PT1M30S`, `P1DT2H`.
 *
 * @returns undefined when the text is not one, or names months or years, whose length is not fixed.
 */
export function parseDuration(text: string): number | undefined {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text);
  if (!match || text.endsWith('T') || text === 'P') return undefined;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return Math.round((((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1000);
}

/** For durations that were checked when they came in. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new Error(`${text} is not an ISO 8601 duration`);
  return ms;
}
