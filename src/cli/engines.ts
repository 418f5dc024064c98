import type { FoundEngines } from "../emulate/engines.js";

/** Every engine that can run here: in this process, native code, emulated boards. */
export async function findAllEngines(): Promise<FoundEngines> {
  const { findEngines, packageWorkshop } = await import("../emulate/engines.js");
  return findEngines(packageWorkshop(process.env.PATH ?? ""));
}
