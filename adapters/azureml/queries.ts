import type { z } from 'zod';
import { oneLine } from '../../core/one-line.js';
import { PortError } from '../ports.js';
import type { ArmClient } from './arm-client.js';
import { unexpectedAnswer } from './errors.js';
import { isGone } from './operations.js';
import {
  AutoscaleSetting,
  DeploymentResource,
  EndpointKeys,
  EndpointResource,
  EndpointToken,
  OperationStatus,
  page,
  WorkspaceResource,
} from './resources.js';
import { FAILURE } from './states.js';

/** Pages of one list; the service's own have dozens of items each. */
const MOST_PAGES = 1_000;

type Signal = AbortSignal | undefined;

const AutoscalePage = page(AutoscaleSetting);
const EndpointPage = page(EndpointResource);
const DeploymentPage = page(DeploymentResource);

/** What can be asked of a workspace without changing it. */
export class Queries {
  readonly #arm: ArmClient;

  constructor(arm: ArmClient) {
    this.#arm = arm;
  }

  /** Region of the workspace. */
  async location(signal: Signal): Promise<string> {
    return (await this.#get(WorkspaceResource, 'read the workspace', '', signal)).location;
  }

  endpoint(name: string, signal: Signal): Promise<EndpointResource> {
    return sayingOnline(this.#get(EndpointResource, `read endpoint ${name}`, pathOf(name), signal));
  }

  endpoints(signal: Signal): Promise<EndpointResource[]> {
    return this.#all(EndpointPage, 'list the endpoints', '/onlineEndpoints', signal);
  }

  async deployment(endpoint: string, name: string, signal: Signal): Promise<DeploymentResource | undefined> {
    const what = `read deployment ${name} of endpoint ${endpoint}`;
    try {
      return await this.#get(DeploymentResource, what, pathOf(endpoint, name), signal);
    } catch (thrown) {
      if (isGone(thrown)) return undefined;
      throw thrown;
    }
  }

  deployments(endpoint: string, signal: Signal): Promise<DeploymentResource[]> {
    const what = `list the deployments of endpoint ${endpoint}`;
    return sayingOnline(this.#all(DeploymentPage, what, `${pathOf(endpoint)}/deployments`, signal));
  }

  /** Those of the workspace's resource group, where a deployment's own is as a rule. */
  autoscaleSettings(signal: Signal): Promise<AutoscaleSetting[]> {
    return this.#all(AutoscalePage, 'list the autoscale settings', this.#arm.autoscaleSettings, signal);
  }

  keys(endpoint: string, signal: Signal): Promise<z.infer<typeof EndpointKeys>> {
    return this.#arm.read(EndpointKeys, {
      what: `list the keys of endpoint ${endpoint}`,
      method: 'POST',
      at: `${pathOf(endpoint)}/listKeys`,
      accept: [200],
      secret: true,
      signal,
    });
  }

  token(endpoint: string, signal: Signal): Promise<z.infer<typeof EndpointToken>> {
    return this.#arm.read(EndpointToken, {
      what: `get a token of endpoint ${endpoint}`,
      method: 'POST',
      at: `${pathOf(endpoint)}/token`,
      accept: [200],
      secret: true,
      signal,
    });
  }

  /**
   * Why a deployment's last operation failed, as far as that is known.
   *
   * Azure leaves the operation's address in the resource's own properties, the endpoint host the reason as well.
   */
  async failureOf(resource: DeploymentResource, signal: Signal): Promise<string> {
    const told = resource.properties.properties;
    const atLeast = told[FAILURE] ?? `${resource.properties.provisioningState} without a reason; see its log`;
    const address = told['AzureAsyncOperationUri'];
    if (address === undefined || !this.#arm.trusts(address)) return atLeast;
    try {
      const what = `read why deployment ${resource.name} failed`;
      const { status, error } = await this.#get(OperationStatus, what, address, signal);
      if (!error) return status === 'Canceled' ? 'its last operation was canceled' : atLeast;
      return [error.code, error.message && oneLine(error.message)].filter(Boolean).join(': ') || atLeast;
    } catch (thrown) {
      // The state is what matters; operations are forgotten after a while.
      if (thrown instanceof PortError) return atLeast;
      throw thrown;
    }
  }

  #get<T>(schema: z.ZodType<T>, what: string, at: string, signal: Signal): Promise<T> {
    return this.#arm.read(schema, { what, method: 'GET', at, accept: [200], signal });
  }

  async #all<T>(schema: ReturnType<typeof page<T>>, what: string, at: string, signal: Signal): Promise<T[]> {
    const items: T[] = [];
    const asked = new Set<string>();
    let next: string | null | undefined = at;
    do {
      if (asked.has(next) || asked.size >= MOST_PAGES) {
        throw unexpectedAnswer(
          what,
          this.#arm.host,
          `its pages do not end, page ${asked.size + 1} is ${next}`,
        );
      }
      asked.add(next);
      const got: z.infer<typeof schema> = await this.#get(schema, what, next, signal);
      items.push(...got.value);
      next = got.nextLink;
    } while (next);
    return items;
  }
}

/** Where there may be a batch endpoint of that name, all that is to be checked is right. */
async function sayingOnline<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown;
    const { message, kind, code } = thrown;
    throw new PortError(`${message} (only online endpoints are found, not batch)`, { kind, code });
  }
}

/** Path of an endpoint or deployment under its workspace. */
export function pathOf(endpoint: string, deployment?: string): string {
  const path = `/onlineEndpoints/${encodeURIComponent(endpoint)}`;
  return deployment === undefined
    ? path
    : `${path}/deployments/${encodeURIComponent(deployment.toLowerCase())}`;
}
