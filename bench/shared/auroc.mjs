/**
 * Area under the ROC curve: the probability that a positive has a larger score than a negative, ties counting half
 * (Hanley and McNeil 1982), and its standard error by their formula for exponential scores.
 *
 * @param scores one number per case
 * @param isPositive a boolean per case; both kinds must occur
 */
export function auroc(scores, isPositive) {
  const rank = ranks(scores);
  let rankSum = 0;
  let positives = 0;
  for (let i = 0; i < rank.length; i++) {
    if (!isPositive[i]) continue;
    rankSum += rank[i];
    positives++;
  }
  const negatives = rank.length - positives;
  const area = (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
  const both = area / (2 - area) - area * area;
  const twice = (2 * area * area) / (1 + area) - area * area;
  const variance = area * (1 - area) + (positives - 1) * both + (negatives - 1) * twice;
  return { area, standardError: Math.sqrt(variance / (positives * negatives)), positives, negatives };
}

/** Spearman's rank correlation of two lists of the same length. */
export function rankCorrelation(a, b) {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (x.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) ** 2;
    yy += (y[i] - mean) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

/** Ranks from 1 on; equal values share the mean of theirs. */
function ranks(values) {
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const result = new Float64Array(order.length);
  for (let first = 0; first < order.length; ) {
    let end = first;
    while (end < order.length && values[order[end]] === values[order[first]]) end++;
    const rank = (first + 1 + end) / 2;
    for (; first < end; first++) result[order[first]] = rank;
  }
  return result;
}
