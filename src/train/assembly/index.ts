/**
 * The kernels of training: forward beside backward, one file per operation, plain SIMD128.
 *
 * Letters used everywhere: T tokens of one window, d model width, w width of the pathways, O outputs. Addresses are bytes
 * in the shared memory; strides and sizes count float32 values. Rows are padded with zeros to multiples of 8 values, so
 * that loops need no tails; the padding stays zero because every operation maps zeros to zeros there.
 *
 * Each result is the same on every machine: float32 operations only, in one fixed order, no fused multiply-add.
 */
export { adamw } from "./adamw";
export { attentionBackward, attentionForward } from "./attention";
export {
  causalAttentionBackward, causalAttentionForward, mergeHeads, rotate, splitHeads,
} from "./causal-attention";
export { convolutionBackward, convolutionForward } from "./convolution";
export { classCrossEntropy, crossEntropy } from "./cross-entropy";
export { embeddingAdd, embeddingBackward, embeddingForward, positionBackward } from "./embedding";
export { geluForward } from "./gelu";
export { gateBackward, gateForward } from "./gate";
export { layerNormBackward, layerNormForward } from "./layer-norm";
export { matmul, matmulOuter, packColumns, packRows } from "./matmul";
export { mixBackward, mixForward } from "./mix";
export { muon } from "./muon";
export { poolBackward, poolForward } from "./pool";
export { prepareDecay, quantiseInt4, quantiseInt6Taps, quantiseInt8, quantiseSparse, quantiseTernary } from "./quantise";
export { constantRouter, routerBackward, routerForward } from "./router";
export { recallBackward, recallForward } from "./recall";
export { rmsNormBackward, rmsNormForward } from "./rms-norm";
export { swigluBackward, swigluForward } from "./swiglu";
export { add, clear, copy, fill, multiply, sumOfSquares, sumPartials } from "./reduce";
export { encodeTernary, matmulTernary } from "./ternary";
export { decayGradient, stateBackward, stateForward } from "./state";
