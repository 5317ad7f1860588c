/** What is wrong with green from one moment on. */
export interface Fault {
  readonly name: string;
  /** Share of its requests that fail; factor on its latency. */
  readonly does: { readonly errors?: number; readonly slower?: number };
}

export const FAULTS: readonly Fault[] = [
  { name: '5 % errors', does: { errors: 0.05 } },
  { name: '20 % errors', does: { errors: 0.2 } },
  { name: '100 % errors', does: { errors: 1 } },
  { name: '+50 % latency', does: { slower: 1.5 } },
  { name: '3× latency', does: { slower: 3 } },
];
