import { z } from 'zod';
import { parseDuration } from '../serving/duration.js';

const count = z.union([z.string(), z.int()]).transform((value, context) => {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && String(value).trim() !== '') return number;
  context.addIssue({ code: 'custom', message: `expected a whole number of at least 0, got "${value}"` });
  return z.NEVER;
});

const minutes = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 60_000) return ms;
  context.addIssue({
    code: 'custom',
    message: `expected an ISO 8601 duration of at least PT1M, got "${text}"`,
  });
  return z.NEVER;
});

/** Names that Windows, and so Azure's portal, has for time zones; IANA names are taken as well. */
const WINDOWS_ZONES: Readonly<Record<string, string>> = {
  'AUS Eastern Standard Time': 'Australia/Sydney',
  'Central Europe Standard Time': 'Europe/Budapest',
  'Central Standard Time': 'America/Chicago',
  'China Standard Time': 'Asia/Shanghai',
  'Eastern Standard Time': 'America/New_York',
  'GMT Standard Time': 'Europe/London',
  'India Standard Time': 'Asia/Kolkata',
  'Mountain Standard Time': 'America/Denver',
  'Pacific Standard Time': 'America/Los_Angeles',
  'Romance Standard Time': 'Europe/Paris',
  'Singapore Standard Time': 'Asia/Singapore',
  'Tokyo Standard Time': 'Asia/Tokyo',
  'W. Europe Standard Time': 'Europe/Berlin',
};

const timeZone = z.string().transform((name, context) => {
  const zone = WINDOWS_ZONES[name] ?? name;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    const known = Object.keys(WINDOWS_ZONES).join(', ');
    context.addIssue({
      code: 'custom',
      message: `"${name}" is no time zone that this host knows; it takes IANA names, UTC, and: ${known}`,
    });
    return z.NEVER;
  }
});

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

const Trigger = z.object({
  metricName: z.string().min(1),
  metricNamespace: z.string().optional(),
  metricResourceUri: z.string().min(1),
  timeGrain: minutes,
  statistic: z.enum(['Average', 'Min', 'Max', 'Sum', 'Count']),
  timeWindow: minutes,
  timeAggregation: z.enum(['Average', 'Minimum', 'Maximum', 'Total', 'Count', 'Last']),
  operator: z.enum([
    'Equals',
    'NotEquals',
    'GreaterThan',
    'GreaterThanOrEqual',
    'LessThan',
    'LessThanOrEqual',
  ]),
  threshold: z.number(),
});

const Rule = z.object({
  metricTrigger: Trigger,
  scaleAction: z.object({
    direction: z.enum(['None', 'Increase', 'Decrease']),
    type: z.enum(['ChangeCount', 'PercentChangeCount', 'ExactCount']),
    value: count.default(1),
    cooldown: minutes,
  }),
});
export type ScaleRule = z.infer<typeof Rule>;

const Profile = z
  .object({
    name: z.string().min(1),
    capacity: z.object({ minimum: count, maximum: count, default: count }),
    rules: z.array(Rule).max(10),
    fixedDate: z
      .object({ timeZone: timeZone.default('UTC'), start: z.string(), end: z.string() })
      .nullish()
      .transform((value) => value ?? undefined),
    recurrence: z
      .object({
        frequency: z.literal('Week'),
        schedule: z.object({
          timeZone,
          days: z.array(z.enum(DAYS)).min(1),
          hours: z.array(z.int().min(0).max(23)).min(1),
          minutes: z.array(z.int().min(0).max(59)).min(1),
        }),
      })
      .nullish()
      .transform((value) => value ?? undefined),
  })
  .refine(({ capacity: { minimum, maximum, default: usual } }) => minimum <= usual && usual <= maximum, {
    message: 'capacity must have minimum <= default <= maximum',
    path: ['capacity'],
  })
  .refine(({ fixedDate }) => !fixedDate || Date.parse(fixedDate.start) < Date.parse(fixedDate.end), {
    message: 'start must be a date and time before end',
    path: ['fixedDate'],
  });
export type Profile = z.infer<typeof Profile>;

/** An autoscale setting of Azure Monitor, whose target is an online deployment. Durations come out in milliseconds. */
export const AutoscaleBody = z.object({
  location: z.string().min(1),
  tags: z.record(z.string(), z.string()).nullish(),
  properties: z.object({
    enabled: z.boolean().default(true),
    targetResourceUri: z.string().min(1),
    profiles: z.array(Profile).min(1).max(20),
  }),
});
export type AutoscaleBody = z.infer<typeof AutoscaleBody>;

export const DAY_NAMES: readonly string[] = DAYS;
