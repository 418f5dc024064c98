/** Switches of atome.h that leave only what runs the base block: firmware that feeds symbols and reads symbols. */
export const baseOnly = [
  ...["GATED", "INT4", "CHECK", "SAMPLE", "SCORES", "ROUTER", "TOKENS", "RECALL"],
  ...["NGRAMS", "POOLED", "SENSOR", "DECIDE"],
].map((name) => `ATOME_${name}=0`);
