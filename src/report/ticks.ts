/** About `count` round numbers from `low` to `high` (low < high), evenly apart: 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  let unit = 1;
  while (unit * count > high - low) unit /= 10;
  while (unit * count * 10 <= high - low) unit *= 10;
  const step = unit * ([1, 2, 5].find((factor) => unit * factor * count >= high - low) ?? 10);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
