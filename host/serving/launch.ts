import { basename, dirname, join } from 'node:path';
import type { ProcessSpec } from '../state/model.js';
import { PROCESS_MARK, STATE_MARK } from '../processes.js';

/** How one instance is started. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface LaunchContext {
  /** Python of the environment that has gunicorn and the inference server. */
  readonly python: string;
  /** A folder of the deployment's own, given as HOME and for temporary files. */
  readonly home: string;
  readonly stateId: string;
  readonly instanceMark: string;
  /** PATH and LANG of the host; nothing else of its environment reaches a model server. */
  readonly hostPath: string;
  readonly hostLang: string | undefined;
}

/** The command, folder and environment of one instance on one port. */
export function launchOf(spec: ProcessSpec, port: number, context: LaunchContext): Launch {
  const env: Record<string, string> = {
    PATH: `${dirname(context.python)}:${context.hostPath}`,
    HOME: context.home,
    TMPDIR: context.home,
    LANG: context.hostLang ?? 'C.UTF-8',
    // Prints of a score.py appear in the log when they happen; the snapshot of the code stays as it was copied.
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    // Python's setproctitle, which gunicorn uses where it is installed, would write titles over the marks below.
    SPT_NOENV: '1',
    ...(spec.modelDir !== null && { AZUREML_MODEL_DIR: spec.modelDir }),
    ...spec.environment,
    [STATE_MARK]: context.stateId,
    [PROCESS_MARK]: context.instanceMark,
  };
  const cwd = spec.codeDir ?? context.home;
  if (spec.command !== null) {
    const [file, ...args] = spec.command.map((word) => word.replaceAll('{port}', String(port)));
    return { file: file!, args, cwd, env: { ...env, PORT: String(port) } };
  }
  return {
    file: context.python,
    args: gunicornArgs(spec, port),
    cwd,
    env: {
      ...env,
      AML_APP_ROOT: cwd,
      AZUREML_ENTRY_SCRIPT: spec.scoringScript ?? 'score.py',
      HTTP_X_MS_SERVER_VERSION: 'azmlinfsrv/1.5.1',
    },
  };
}

/**
 * Gunicorn is started directly: the inference server's own command binds to all addresses, and lets all servers of a
 * user share one control socket in the home folder.
 */
function gunicornArgs(spec: ProcessSpec, port: number): string[] {
  return [
    '-m',
    'gunicorn',
    ...['--bind', `127.0.0.1:${port}`],
    ...['--workers', String(spec.workers)],
    ...['--threads', String(spec.threads)],
    ...['--timeout', '300'],
    ...['--graceful-timeout', String(spec.gracefulSeconds)],
    // A connection per request: one that the server closes while idle could swallow a request that is on its way.
    ...['--keep-alive', '0'],
    '--no-control-socket',
    'azureml_inference_server_http.server.entry:app',
  ];
}

/** Where Azure puts a model: under its own name in AZUREML_MODEL_DIR. */
export function modelTarget(modelDir: string, source: string): string {
  return join(modelDir, basename(source));
}
