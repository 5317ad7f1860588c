import { DAY_NAMES, type Profile } from './setting.js';

const DAY_MS = 86_400_000;

/**
 * The profile that is in force: one whose fixed dates hold, else the recurring one that began last, else the default.
 *
 * A recurring profile holds until the next one begins, over the end of the week if need be.
 *
 * @see Azure Monitor autoscale, "Autoscale with multiple profiles"
 */
export function activeProfile(profiles: readonly Profile[], nowMs: number): Profile | undefined {
  const fixed = profiles.find(({ fixedDate }) => fixedDate !== undefined && holds(fixedDate, nowMs));
  if (fixed) return fixed;
  const recurring = profiles
    .filter(({ recurrence }) => recurrence !== undefined)
    .map((profile) => ({ profile, began: lastStart(profile, nowMs) }))
    .sort((a, b) => b.began - a.began);
  return (
    recurring[0]?.profile ??
    profiles.find(({ fixedDate, recurrence }) => fixedDate === undefined && recurrence === undefined)
  );
}

/** Dates without an offset are of the profile's own time zone. */
function holds({ timeZone, start, end }: NonNullable<Profile['fixedDate']>, nowMs: number): boolean {
  return instant(start, timeZone) <= nowMs && nowMs < instant(end, timeZone);
}

function instant(text: string, timeZone: string): number {
  if (/(?:Z|[+-]\d\d:?\d\d)$/.test(text)) return Date.parse(text);
  const asUtc = Date.parse(`${text}Z`);
  // Twice: the offset that counts is the one in force at the result.
  const once = asUtc - offsetMs(asUtc, timeZone);
  return asUtc - offsetMs(once, timeZone);
}

/** How far a zone's clocks are ahead of UTC. */
function offsetMs(atMs: number, timeZone: string): number {
  return Date.parse(`${wallClock(atMs, timeZone).iso}Z`) - Math.floor(atMs / 1000) * 1000;
}

function wallClock(atMs: number, timeZone: string): { readonly iso: string; readonly day: string } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, weekday: 'long', hourCycle: 'h23', year: 'numeric' },
    ...{ month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  }).formatToParts(atMs);
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return {
    iso: `${of('year')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}:${of('second')}`,
    day: of('weekday'),
  };
}

/** When a recurring profile last began, milliseconds since the epoch. */
function lastStart(profile: Profile, nowMs: number): number {
  const schedule = profile.recurrence?.schedule;
  if (!schedule) return -Infinity;
  const starts: number[] = [];
  for (let back = 0; back <= 7; back++) {
    const { iso } = wallClock(nowMs - back * DAY_MS, schedule.timeZone);
    const date = iso.slice(0, 10);
    const day = DAY_NAMES[new Date(`${date}T12:00:00Z`).getUTCDay()] ?? '';
    if (!(schedule.days as readonly string[]).includes(day)) continue;
    for (const hour of schedule.hours) {
      for (const minute of schedule.minutes) {
        starts.push(instant(`${date}T${two(hour)}:${two(minute)}:00`, schedule.timeZone));
      }
    }
  }
  return Math.max(-Infinity, ...starts.filter((start) => start <= nowMs));
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
