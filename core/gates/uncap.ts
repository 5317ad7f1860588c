/** A count-block says at most this much of how far counts lie off: one wild block must not rule the rest. */
export const MOST_OF_A_BLOCK = 16;

/** Factors that the correction is worked out for; between them it is a straight line. */
const NODES = Array.from({ length: 57 }, (_, i) => 1.05 ** i).map((phi) => ({ phi, mean: cappedMean(phi) }));

/**
 * Mean of what count-blocks say of `phi`, freed of the cap: their squared deviation is `phi` times that of a normal
 * variable, cut at {@link MOST_OF_A_BLOCK}, which leaves 6.3 of a `phi` of 9.
 */
export function uncapped(mean: number): number {
  const above = NODES.findIndex((node) => node.mean >= mean);
  if (above === 0) return mean;
  const [low, high] = [NODES[above - 1], NODES[above]];
  if (low === undefined || high === undefined) return MOST_OF_A_BLOCK;
  return low.phi + ((high.phi - low.phi) * (mean - low.mean)) / (high.mean - low.mean);
}

/** Mean of `min(phi Z^2, 16)` for a standard normal `Z`. */
function cappedMean(phi: number): number {
  const cut = Math.sqrt(MOST_OF_A_BLOCK / phi);
  const density = Math.exp((-cut * cut) / 2) / Math.sqrt(2 * Math.PI);
  // Chance of |Z| < cut, by a series of positive terms.
  let term = cut;
  let series = cut;
  for (let n = 1; n < 100; n++) {
    term *= (cut * cut) / (2 * n + 1);
    series += term;
  }
  const inside = 2 * density * series;
  return phi * (inside - 2 * cut * density) + MOST_OF_A_BLOCK * (1 - inside);
}
