import type { Logger, LogLevel, LogMetadata } from '@temporalio/worker';
import { type Level, type Logger as Pino, pino } from 'pino';
import { logLines } from './log-lines.js';

/** JSON lines on stdout; `GREENLIGHT_LOG_LEVEL` (trace, debug, info, warn, error) says from which level on. */
export function createLogger(env: NodeJS.ProcessEnv = process.env): Pino {
  const wanted = env['GREENLIGHT_LOG_LEVEL']?.toLowerCase() ?? 'info';
  const level = Object.hasOwn(pino.levels.values, wanted) ? wanted : 'info';
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, logLines(1));
  if (level !== wanted) {
    logger.warn(
      { found: wanted },
      'GREENLIGHT_LOG_LEVEL is not a level; wanted: trace, debug, info, warn or error',
    );
  }
  return logger;
}

/** The same logger, as the SDK speaks to it: message first, facts second. */
export function temporalLogger(logger: Pino): Logger {
  const at = (level: Level) => (message: string, meta?: LogMetadata) => {
    logger[level](plain(meta), message);
  };
  const log = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  return {
    ...log,
    log: (level: LogLevel, message: string, meta?: LogMetadata) => {
      log[level.toLowerCase() as keyof typeof log](message, meta);
    },
  };
}

/** `error` is what the SDK calls it, `err` what pino prints with its stack. */
function plain(meta: LogMetadata | undefined): object {
  if (meta === undefined) return {};
  const { error, ...rest } = meta as LogMetadata & { error?: unknown };
  return error === undefined ? rest : { ...rest, err: error };
}
