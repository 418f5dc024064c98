// Means, spreads and intervals.

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sample standard deviation; undefined for fewer than two values. */
export function standardDeviation(values) {
  if (values.length < 2) return undefined;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/**
 * P(|T| < t) of Student's distribution with a whole number of degrees of freedom.
 * Source: Abramowitz and Stegun, 26.7.3 and 26.7.4.
 */
export function centralProbability(t, degrees) {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = degrees % 2 === 1;
  // Odd: cos + 2/3 cos^3 + 2*4/(3*5) cos^5 ...; even: 1 + 1/2 cos^2 + 1*3/(2*4) cos^4 ...; up to cos^(degrees - 2).
  let term = isOdd ? cosine : 1;
  let series = 0;
  for (let power = isOdd ? 1 : 0; power <= degrees - 2; power += 2) {
    series += term;
    term *= ((power + 1) / (power + 2)) * cosine ** 2;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * series) : sine * series;
}

/** t with P(|T| < t) = probability. */
export function tQuantile(probability, degrees) {
  let [low, high] = [0, 1];
  while (centralProbability(high, degrees) < probability) high *= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (centralProbability(middle, degrees) < probability) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * The mean of a sample and its 95 % t-interval.
 *
 * @param differences one per pair; at least one
 * @returns {mean, low, high, count}; low and high undefined for fewer than two
 */
export function interval95(differences) {
  const count = differences.length;
  const centre = mean(differences);
  if (count < 2) return { mean: centre, low: undefined, high: undefined, count };
  const reach = (tQuantile(0.95, count - 1) * standardDeviation(differences)) / Math.sqrt(count);
  return { mean: centre, low: centre - reach, high: centre + reach, count };
}

/** Differences ours - rival by seed, of the seeds that both have: pairs of {seed, testBpb}. */
export function pairedBySeed(ours, rival) {
  const bySeed = new Map(rival.map(({ seed, testBpb }) => [seed, testBpb]));
  return ours.filter(({ seed }) => bySeed.has(seed)).map(({ seed, testBpb }) => testBpb - bySeed.get(seed));
}

/** Differences ours - rival by block of the text, each averaged over the seeds of its side: rows of {blockBits}, see measure.mjs. */
export function pairedByBlock(ours, rival) {
  const averages = (rows) => {
    const blocks = rows.map(({ blockBits }) => blockBits.split(" ").map(Number));
    return blocks[0].map((_, block) => mean(blocks.map((bits) => bits[block])));
  };
  const theirs = averages(rival);
  return averages(ours).map((bits, block) => bits - theirs[block]);
}
