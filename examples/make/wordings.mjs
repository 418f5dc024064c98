// Reads a file of wordings and writes out what they stand for.
//
//   # a comment
//   {room} = kitchen | hall          a list; {room} in a wording is one of its items
//   ## light-on                      the label of the wordings that follow
//   (turn|switch) on the {room} light[s]
//   ! dim the lights                 "!": something asked for, which may be wrapped in an item of the list {wrap}
//   = node=4 temp=21                 "=": written by a machine, so left as it is, without slips and changed capitals
//   battery at <10-99> percent       an integer; <00-59> has two digits
//
// (a|b) is one of several, [a] is there or not, both may be nested; \( is a bracket and no more.
import { fail, read } from "./files.mjs";

/** Reads a file of wordings: {lists: Map of name to items, wordings: [{label, text, isAsked, isExact, where}]}. */
export function readWordings(url) {
  const lists = new Map();
  const wordings = [];
  let label = "";
  read(url)
    .split("\n")
    .forEach((raw, index) => {
      const text = raw.trim();
      const where = `${url.pathname.split("/").at(-1)}:${index + 1}`;
      const list = /^\{(\w+)\} = (.*)$/.exec(text);
      if (text === "" || text.startsWith("# ")) return;
      if (text.startsWith("## ")) label = text.slice(3);
      else if (list) lists.set(list[1], [...(lists.get(list[1]) ?? []), ...list[2].split(" | ")]);
      else if (label === "") fail(`${where}: a wording before any label`);
      else {
        const [isAsked, isExact] = [text.startsWith("! "), text.startsWith("= ")];
        wordings.push({ label, text: isAsked || isExact ? text.slice(2) : text, isAsked, isExact, where });
      }
    });
  return { lists, wordings };
}

/** One of the texts that a wording stands for. */
export function expand(text, lists, random) {
  let at = 0;
  // Alternatives up to the closing character, which is passed over; one of them is taken.
  const alternatives = (close) => {
    const options = [""];
    while (at < text.length && text[at] !== close) {
      const c = text[at++];
      if (c === "\\") options[options.length - 1] += text[at++];
      else if (c === "|" && close !== "") options.push("");
      else options[options.length - 1] += c === "(" || c === "[" || c === "{" || c === "<" ? part(c) : c;
    }
    if (close !== "" && text[at++] !== close) fail(`"${close}" is missing in: ${text}`);
    return options;
  };
  const until = (close) => {
    const end = text.indexOf(close, at);
    if (end < 0) fail(`"${close}" is missing in: ${text}`);
    const inside = text.slice(at, end);
    at = end + 1;
    return inside;
  };
  const part = (open) => {
    if (open === "(") return random.pick(alternatives(")"));
    if (open === "[") return random.pick(["", random.pick(alternatives("]"))]);
    if (open === "<") return number(until(">"), random);
    const name = until("}");
    if (!lists.has(name)) fail(`there is no list {${name}} for: ${text}`);
    return expand(random.pick(lists.get(name)), lists, random);
  };
  return alternatives("")[0]
    .replace(/ +/g, " ")
    .replace(/ ([,.?!])/g, "$1")
    .trim();
}

function number(range, random) {
  const [low, high] = range.split("-");
  return String(random.integer(Number(low), Number(high))).padStart(low.length, "0");
}
