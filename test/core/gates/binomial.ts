/** How probable each number of failures is, from none to all of `n` requests that fail with probability `p` each. */
export function binomial(n: number, p: number): number[] {
  let mass = [1];
  for (let i = 0; i < n; i++)
    mass = [...mass, 0].map((m, x) => m * (1 - p) + (x > 0 ? (mass[x - 1] ?? 0) * p : 0));
  return mass;
}
