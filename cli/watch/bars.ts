/** A bar of `width` cells, `fraction` of it full; what is not nothing shows at least half a cell. */
export function bar(fraction: number, width: number): string {
  const share = Math.max(0, Math.min(1, fraction));
  const halves = share === 0 ? 0 : Math.max(1, Math.round(share * width * 2));
  const full = Math.floor(halves / 2);
  const half = halves % 2 === 1 ? '▌' : '';
  return `${'█'.repeat(full)}${half}${'░'.repeat(width - full - half.length)}`;
}

/** `   4 %`, always six wide: it can stand right behind a bar. */
export function percentCell(fraction: number): string {
  return `${String(Math.round(fraction * 100)).padStart(4)} %`;
}
