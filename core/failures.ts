/** Failure types, matched by name: error classes do not survive the way through Temporal. */
export const FailureType = {
  /** Preflight found problems; nothing was changed. */
  Rejected: 'Rejected',
  /** The rollout went back, and the endpoint was read back as before. */
  RolledBack: 'RolledBack',
  /** A person stopped it; the endpoint was read back as before. */
  Aborted: 'Aborted',
  /** The endpoint could not be brought back, or not be read back. Pages a person. */
  RollbackIncomplete: 'RollbackIncomplete',
  /** The endpoint's traffic is not what the rollout last wrote. */
  Drift: 'Drift',
  /** A deployment ended as failed, or never got ready. */
  DeploymentFailed: 'DeploymentFailed',
  SmokeFailed: 'SmokeFailed',
  /** The target said no, and will say so again. */
  PortPermanent: 'PortPermanent',
  PortThrottled: 'PortThrottled',
  PortTransient: 'PortTransient',
  /** It is not done yet, and may be asked for again: green is looked at first, since it may take long. */
  NotYet: 'NotYet',
  /** An update that does not fit the rollout's state. */
  NotNow: 'NotNow',
  /** An update by somebody whom the spec does not let do it. */
  NotAllowed: 'NotAllowed',
  /** A queue starts nothing more: its endpoint may stand half-way. */
  QueueStopped: 'QueueStopped',
} as const;
export type FailureType = (typeof FailureType)[keyof typeof FailureType];

/** Code of a port error: a write was refused because someone else manages what it would change. */
export const FIELD_CONFLICT = 'FieldManagerConflict';
/** What is to be changed is not any more what it was when it was read: to be read and written again. */
export const OUTDATED = 'Outdated';
/** Who is to get traffic is gone, and so is everybody who could answer for it. */
export const NO_DEPLOYMENT = 'NoDeployment';
/** Who asks is not known, or not any more: its credential has run out, until somebody renews it. */
export const UNAUTHORIZED = 'Unauthorized';
/** Nothing tells a worker which cluster to ask: its kubeconfig is not there, or half written. */
export const NO_CLUSTER = 'NoCluster';
/** Nobody gives a worker a token to ask with: its client secret has expired, say. */
export const NO_TOKEN = 'NoToken';
/** A certificate, of who is asked or of who asks, is not trusted, or not any more: it may have expired. */
export const NOT_TRUSTED = 'NotTrusted';

/**
 * What somebody has to mend, and may at any moment, without a word to the rollout. Not what somebody wants so: a lock on Azure
 * that forbids to delete would keep a rollback whose traffic is back waiting for nothing.
 */
export const MENDED_BY_PEOPLE: ReadonlySet<string> = new Set([
  UNAUTHORIZED,
  NO_CLUSTER,
  NO_TOKEN,
  NOT_TRUSTED,
]);

/** How rollouts end. */
export const OUTCOMES = ['promoted', 'rolled-back', 'aborted', 'rejected', 'rollback-incomplete'] as const;
export type Outcome = (typeof OUTCOMES)[number];
