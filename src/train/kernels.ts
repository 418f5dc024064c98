/** What dist/wasm/kernels.wasm exports; src/train/assembly says what each does. Addresses are bytes, sizes float32 values. */
type Kernel = (...operands: number[]) => void;
type Sum = (...operands: number[]) => number;

export interface Kernels {
  add: Kernel;
  adamw: Kernel;
  attentionBackward: Kernel;
  attentionForward: Kernel;
  causalAttentionBackward: Kernel;
  causalAttentionForward: Kernel;
  classCrossEntropy: Sum;
  clear: Kernel;
  constantRouter: Kernel;
  copy: Kernel;
  convolutionBackward: Kernel;
  convolutionForward: Kernel;
  crossEntropy: Sum;
  decayGradient: Kernel;
  encodeTernary: Kernel;
  fill: Kernel;
  embeddingAdd: Kernel;
  embeddingBackward: Kernel;
  embeddingForward: Kernel;
  gateBackward: Kernel;
  gateForward: Kernel;
  geluForward: Kernel;
  layerNormBackward: Kernel;
  layerNormForward: Kernel;
  matmul: Kernel;
  matmulOuter: Kernel;
  matmulTernary: Kernel;
  mergeHeads: Kernel;
  mixBackward: Kernel;
  mixForward: Kernel;
  multiply: Kernel;
  muon: Kernel;
  packColumns: Kernel;
  packRows: Kernel;
  poolBackward: Kernel;
  poolForward: Kernel;
  positionBackward: Kernel;
  prepareDecay: Kernel;
  quantiseInt4: Kernel;
  quantiseInt6Taps: Kernel;
  quantiseInt8: Kernel;
  quantiseSparse: Kernel;
  quantiseTernary: Sum;
  recallBackward: Kernel;
  recallForward: Kernel;
  rmsNormBackward: Kernel;
  rmsNormForward: Kernel;
  rotate: Kernel;
  routerBackward: Kernel;
  routerForward: Kernel;
  splitHeads: Kernel;
  stateBackward: Kernel;
  stateForward: Kernel;
  sumOfSquares: Sum;
  sumPartials: Kernel;
  swigluBackward: Kernel;
  swigluForward: Kernel;
}

/** Binds the kernels to a shared memory that every thread of a trainer works in. */
export function bindKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
}
