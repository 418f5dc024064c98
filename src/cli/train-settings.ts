import { configToJson, type ModelConfig } from "../model/config.js";
import { configNames, namedConfig } from "../model/configs.js";
import { UsageError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import { readInput } from "./files.js";

/** Options of `atome train` that are short for keys of the configuration. */
const SHORTHANDS: Record<string, string> = {
  steps: "train.steps",
  seed: "train.seed",
  batch: "train.batch",
  context: "train.context",
  learningRate: "train.learningRate",
};

/** What the command line says about the configuration. */
export interface ConfigChoice {
  /** Name of a built-in configuration or path of a JSON file. */
  config: string;
  /** `key=value`, dots between the keys. */
  set?: readonly string[];
  [shorthand: string]: unknown;
}

/**
 * The configuration that the command line asks for.
 *
 * @param base what the options change, instead of `choice.config`
 * @throws UsageError when it is not valid
 */
export function chooseConfig(choice: ConfigChoice, base?: ModelConfig): ModelConfig {
  const json = base ? configToJson(base) : readConfig(choice.config);
  const place = base ? "of the checkpoint" : `"${choice.config}"`;
  for (const [option, key] of Object.entries(SHORTHANDS)) {
    if (choice[option] !== undefined) assign(json, key, choice[option]);
  }
  for (const text of choice.set ?? []) {
    const at = text.indexOf("=");
    if (at < 1) {
      throw new UsageError(`Cannot use --set ${JSON.stringify(text)}: expected key=value, for example train.batch=8.`);
    }
    assign(json, text.slice(0, at), parseValue(text.slice(at + 1)));
  }
  return parseConfig(json, place);
}

function readConfig(name: string): Record<string, unknown> {
  if (configNames.includes(name)) return configToJson(namedConfig(name));
  if (!name.endsWith(".json")) return configToJson(namedConfig(name));
  const text = new TextDecoder().decode(readInput(name, "a configuration in JSON"));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`Cannot read "${name}": it is not JSON (${(error as Error).message}); correct it.`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new UsageError(
      `Cannot use the configuration "${name}": found ${text.trim().slice(0, 20)}, expected an object.`,
    );
  }
  return json as Record<string, unknown>;
}

/** Sets a key below the configuration; objects on the way are made. */
function assign(json: Record<string, unknown>, key: string, value: unknown): void {
  const [first, ...rest] = key.split(".");
  if (rest.length === 0) {
    json[first] = value;
    return;
  }
  const inner = json[first];
  json[first] = typeof inner === "object" && inner !== null ? { ...inner } : {};
  assign(json[first] as Record<string, unknown>, rest.join("."), value);
}

/** JSON where it is, else the text: `8`, `true`, `["local"]`, `ternary`. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
