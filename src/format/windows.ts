import type { AtomeModel } from "./reader.js";
import { writeModel } from "./writer.js";

/**
 * The same model with other attention windows: what its layers remember changes, its weights do not. A signature is left out,
 * because it was of other bytes.
 *
 * @param windows one per layer, 1..1024; 0 for a layer without attention
 * @throws FormatError when a window is out of range, or is not 0 where there is no attention
 */
export const withWindows = (model: AtomeModel, windows: readonly number[]): Uint8Array =>
  writeModel({
    ...model,
    signature: undefined,
    layers: model.layers.map((layer, index) => ({ ...layer, window: windows[index] })),
  });
