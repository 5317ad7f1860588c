import type { Problem } from '../problem.js';
import { azureMetricRules } from './azure-metrics.js';
import { deploymentRules } from './deployment.js';
import type { Facts } from './facts.js';
import { gateRules } from './gates.js';
import { ownMetricRules } from './own-metrics.js';
import { orderRules } from './order.js';
import { shareRules } from './shares.js';
import { standardRules } from './standard.js';
import { stepGateRules } from './step-gates.js';
import { timeRules } from './times.js';

/** Everything that a spec has to meet beyond its form. */
export function rulesOf(facts: Facts): readonly Problem[] {
  return [
    orderRules,
    shareRules,
    timeRules,
    gateRules,
    ownMetricRules,
    stepGateRules,
    deploymentRules,
    standardRules,
    azureMetricRules,
  ].flatMap((rules) => rules(facts));
}
