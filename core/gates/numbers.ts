/** ln(e^a + e^b). Minus infinity is a legal value of both. */
export function logAddExp(a: number, b: number): number {
  const high = a > b ? a : b;
  if (high === -Infinity) return -Infinity;
  const low = a > b ? b : a;
  return high + Math.log1p(Math.exp(low - high));
}

/** ln of the sum of e^v over all values; minus infinity for none. */
export function logSumExp(values: readonly number[]): number {
  let high = -Infinity;
  for (const value of values) if (value > high) high = value;
  if (high === -Infinity) return -Infinity;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - high);
  return high + Math.log(sum);
}

export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}

/** JSON has no infinities. */
export function finiteOrNull(value: number): number | null {
  return value === -Infinity ? null : value;
}

export function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}
