import type { AzureMonitorSettings } from '../../../adapters/azure-monitor/metrics.js';
import { TOKEN } from '../azureml/fake-arm.js';
import { startHttps, type HttpsServer } from '../https-server.js';
import { spoilAnswers, type Spoil } from '../spoilt-answers.js';

export const MINUTE = 60_000;
/** From which the minutes of its traffic count. */
export const MIDNIGHT = Date.UTC(2026, 10, 21);

/** A stand-in for Azure Monitor's metrics call (api-version 2023-10-01), in the shape of its answers. */
export class FakeMonitor {
  readonly queries: URLSearchParams[] = [];
  /** Per deployment and status (`blue 200`), the average of each minute, by minutes since {@link MIDNIGHT}. */
  traffic: Record<string, Record<number, number>> = {};
  broken: { errorCode: string; errorMessage: string } | undefined;
  nowMs = MIDNIGHT;
  /** What becomes of an answer on its way, if anything. */
  spoil: Spoil | undefined;
  #server: HttpsServer | undefined;

  static async start(): Promise<FakeMonitor> {
    const fake = new FakeMonitor();
    fake.#server = await startHttps((app) => {
      spoilAnswers(app, () => fake.spoil);
      app.get('*', async (request) => {
        const query = new URL(request.url, 'https://x').searchParams;
        fake.queries.push(query);
        const [from = 0, to = 0] = (query.get('timespan') ?? '').split('/').map((text) => Date.parse(text));
        return fake.#answer(from, to);
      });
    });
    return fake;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  /** What an adapter needs to speak to it. */
  settings(): AzureMonitorSettings {
    return {
      baseUrl: this.#server?.url ?? '',
      subscription: 's',
      resourceGroup: 'rg',
      workspace: 'ws',
      credential: { getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }) },
      ca: this.#server?.ca ?? '',
      now: () => this.nowMs,
    };
  }

  #answer(from: number, to: number): unknown {
    const timeseries = Object.entries(this.traffic).map(([dimensions, minutes]) => {
      const [deployment, status] = dimensions.split(' ');
      return {
        metadatavalues: [
          { name: { value: 'deployment', localizedValue: 'Deployment' }, value: deployment },
          { name: { value: 'statuscode', localizedValue: 'Status Code' }, value: status },
        ],
        data: times(from, to).map((time) => {
          const average = minutes[(time - MIDNIGHT) / MINUTE];
          // A minute without traffic is a point without a value.
          return { timeStamp: new Date(time).toISOString(), ...(average === undefined ? {} : { average }) };
        }),
      };
    });
    return {
      cost: 1,
      timespan: 't',
      interval: 'PT1M',
      namespace: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
      resourceregion: 'westeurope',
      value: [
        {
          id: '/x/providers/Microsoft.Insights/metrics/RequestsPerMinute',
          type: 'Microsoft.Insights/metrics',
          name: { value: 'RequestsPerMinute', localizedValue: 'Requests Per Minute' },
          unit: 'Count',
          errorCode: 'Success',
          ...this.broken,
          timeseries: this.broken ? [] : timeseries,
        },
      ],
    };
  }
}

function times(from: number, to: number): number[] {
  return Array.from({ length: (to - from) / MINUTE }, (_, i) => from + i * MINUTE);
}
