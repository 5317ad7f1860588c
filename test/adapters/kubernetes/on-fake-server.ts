import { createKubernetesEndpoints } from '../../../adapters/kubernetes/endpoints.js';
import { FakeApiServer } from './fake-api-server.js';

/** A new API server with the endpoint diabetes, which blue serves, and what Greenlight does on it. */
export function onFakeServer() {
  const api = new FakeApiServer();
  return { api, ...createKubernetesEndpoints({ connection: api.connection, namespace: 'models' }) };
}

/** As a rollback writes. */
export const BACK = { takeOver: true, goesBack: true };

export const half = { live: { blue: 50, green: 50 }, mirror: {} };
