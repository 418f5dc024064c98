// Mutants of a program in C or JavaScript: one operator or number changed at a time.

const BINARY = {
  ...{ "+": "-", "-": "+", "*": "+", "/": "*", "%": "*", "<<": ">>", ">>": "<<", ">>>": ">>" },
  ...{ "&": "|", "|": "&", "^": "&", "&&": "||", "||": "&&" },
  ...{ "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "===": "!==", "!==": "===" },
  ...{
    "+=": "-=",
    "-=": "+=",
    "*=": "+=",
    "<<=": ">>=",
    ">>=": "<<=",
    ">>>=": ">>=",
    "&=": "|=",
    "|=": "&=",
    "^=": "|=",
  },
};
const STEP = { "++": "--", "--": "++" };
/** Removed where they stand before a value. */
const PREFIX = ["!", "~", "-"];

/** The next token: number, name, operator, anything else. */
const TOKEN =
  /0[xX][0-9a-fA-F]+|\d+|[A-Za-z_$][\w$]*|=>|->|\.\.\.|\?\.|>>>=|<<=|>>=|>>>|===|!==|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|\+=|-=|\*=|\/=|&=|\|=|\^=|\S/g;

const blank = (text) => text.replace(/[^\n]/g, " ");
/** The program with what is no code made blank: comments, strings, lines of the preprocessor, imports. Every place stays where it was. */
const codeOf = (source) =>
  source
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, blank)
    .replace(/^ *#[^\n]*|^import [^\n]*/gm, blank);

const isValue = (token) =>
  token !== undefined && /^[\w$)\]]/.test(token) && !/^(?:return|case|else|do|of|in|const|new|void|\w+_t)$/.test(token);

function replacementOf(token, before) {
  if (/^\d/.test(token)) return `${Number(token) + 1}`;
  if (STEP[token]) return STEP[token];
  if (isValue(before)) return BINARY[token];
  return PREFIX.includes(token) ? "" : undefined;
}

/** What a function's first line looks like, its name as group 1. */
const FUNCTION =
  /^(?:(?:export )?function (\w+)\(|(?:export )?const (\w+) = \(|[a-z][\w ]*[ *](\w+)\([^;]*\{| {4}(\w+)\([^;]*\) \{)/;

/**
 * What a mutant is known by: it stays the same when lines move. Equal changes of equal lines are counted.
 *
 * @param {{line: number, from: string, to: string, within: string, text: string, source: string}[]} mutants
 */
function withKeys(mutants) {
  const seen = new Map();
  return mutants.map((mutant) => {
    const { within, text, from, to } = mutant;
    const change = `${within}: ${text} [${from} -> ${to || "nothing"}`;
    const nth = (seen.get(change) ?? 0) + 1;
    seen.set(change, nth);
    return { ...mutant, key: `${change}${nth > 1 ? `, ${nth}.` : ""}]` };
  });
}

/**
 * @returns [{line from 1, key, from, to, within: name of the function, source: the changed program}] in the order of the program
 */
export function mutantsOf(source) {
  const code = codeOf(source);
  const lines = source.split("\n");
  const functionOf = functionNames(lines);
  const mutants = [];
  let [before, line, counted] = [undefined, 1, 0];
  for (const { 0: token, index } of code.matchAll(TOKEN)) {
    line += code.slice(counted, index).split("\n").length - 1;
    counted = index;
    const to = replacementOf(token, before);
    if (!(STEP[token] && isValue(before))) before = token; // what stands after a value leaves one
    if (to === undefined) continue;
    mutants.push({
      ...{ line, from: token, to, within: functionOf[line - 1], text: lines[line - 1].trim() },
      source: source.slice(0, index) + to + source.slice(index + token.length),
    });
  }
  return withKeys(mutants);
}

function functionNames(lines) {
  let name = "";
  return lines.map((text) => {
    const found = FUNCTION.exec(text);
    if (found) name = found.slice(1).find((group) => group !== undefined);
    return name;
  });
}
