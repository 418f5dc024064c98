// The time of a training step as a sum of counts times fitted costs.

/** What a step does, counted from its plan. Each count's cost is what it names, for one thread. */
const counted = [
  ["ternary multiplication (forward and input gradient, by table)", ({ ternary }) => ternary],
  ["dense multiplication (gradients of matrices, 4-bit tables)", ({ dense }) => dense],
  ["symbol, layer and unit of width (norms, convolution, state, mixing)", ({ elementwise }) => elementwise],
  ["score of a query and a key, and unit of head width", ({ scores }) => scores],
  ["logit (softmax and loss)", ({ logits }) => logits],
  ["parameter (AdamW, quantising, encoding)", ({ parameters }) => parameters],
  ["window and layer (calls of kernels)", ({ calls }) => calls],
];

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Counts of one step. @param plan of src/train/layout.ts */
export function features({ config, groups, slots, layers, batch, context, outputs, dModel, dInner }) {
  const symbols = batch * context;
  const weights = (isTernary) =>
    sum(groups.filter((group) => group.isTernary === isTernary).map(({ rows, depth }) => rows * depth));
  const seen = (window) => sum(Array.from({ length: context }, (_, t) => Math.min(t + 1, window)));
  const sparse = layers.filter((layer) => layer.config.pathways.sparse);
  const counts = {
    ternary: 2 * symbols * weights(true),
    dense: symbols * (weights(true) + 3 * weights(false)),
    elementwise: symbols * layers.length * (dModel + dInner),
    scores: batch * config.dHead * sum(sparse.map((layer) => seen(layer.config.window))),
    logits: symbols * outputs,
    parameters: sum(slots.map(({ count }) => count)),
    calls: batch * layers.length,
  };
  return counted.map(([, count]) => count(counts));
}

/**
 * Non-negative least squares on the relative error, by coordinate descent.
 *
 * @param rows [{features, total}]: counts, and what they come to together
 * @returns the cost of one of each feature, in the unit of the totals
 */
export function leastCosts(rows) {
  const a = rows.map(({ features: counts, total }) => counts.map((count) => count / total));
  const costs = a[0].map(() => 0);
  for (let sweep = 0; sweep < 20_000; sweep++) {
    for (let j = 0; j < costs.length; j++) {
      let [top, bottom] = [0, 0];
      for (const row of a) {
        const others = sum(row.map((value, i) => (i === j ? 0 : value * costs[i])));
        top += row[j] * (1 - others);
        bottom += row[j] * row[j];
      }
      costs[j] = bottom > 0 ? Math.max(0, top / bottom) : 0;
    }
  }
  return costs;
}

/**
 * Costs of what a step does.
 *
 * @param rows [{features, ms}]
 * @returns [{meaning, nanoseconds}] in the order of the features
 */
export function fitCosts(rows) {
  const costs = leastCosts(rows.map(({ features: counts, ms }) => ({ features: counts, total: ms })));
  return counted.map(([meaning], j) => ({ meaning, nanoseconds: costs[j] * 1e6 }));
}

/** Milliseconds of a step with these counts. */
export const predictMs = (costs, counts) => sum(costs.map(({ nanoseconds }, j) => nanoseconds * counts[j])) / 1e6;
