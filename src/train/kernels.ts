/** What dist/wasm/kernels.wasm exports; src/train/assembly says what each does. Addresses are bytes, sizes float32 values. */
type Kernel = (...operands: number[]) => void;
type Sum = (...operands: number[]) => number;

export interface Kernels {
  adamw: Kernel;
  attentionBackward: Kernel;
  attentionForward: Kernel;
  clear: Kernel;
  constantRouter: Kernel;
  copy: Kernel;
  convolutionBackward: Kernel;
  convolutionForward: Kernel;
  crossEntropy: Sum;
  decayGradient: Kernel;
  encodeTernary: Kernel;
  fill: Kernel;
  embeddingBackward: Kernel;
  embeddingForward: Kernel;
  gateBackward: Kernel;
  gateForward: Kernel;
  layerNormBackward: Kernel;
  layerNormForward: Kernel;
  matmul: Kernel;
  matmulOuter: Kernel;
  matmulTernary: Kernel;
  mixBackward: Kernel;
  mixForward: Kernel;
  packColumns: Kernel;
  packRows: Kernel;
  prepareDecay: Kernel;
  quantiseInt4: Kernel;
  quantiseInt6Taps: Kernel;
  quantiseTernary: Sum;
  routerBackward: Kernel;
  routerForward: Kernel;
  stateBackward: Kernel;
  stateForward: Kernel;
  sumOfSquares: Sum;
  sumPartials: Kernel;
}

/** Binds the kernels to a shared memory that every thread of a trainer works in. */
export function bindKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
}
