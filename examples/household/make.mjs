// Makes train.txt, validation.txt and heldout.txt from facts.txt.
//   node make.mjs          writes the files
//   node make.mjs --check  exits 1 if the files on disk differ from what would be made
// No dependencies, and the same result on every machine.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const SEED = 20; // changes the order and which questions are in which file
const MIN_QUESTIONS = 8; // per fact
const TWO_HELD_FROM = 10; // facts with this many questions give two to each of the other files, others one
const MAX_ANSWER = 99; // bytes

const at = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(at(name), "utf8").replace(/\r\n/g, "\n");

function fail(message) {
  console.error(`make.mjs: ${message}`);
  process.exit(1);
}

// A 32-bit integer generator (mulberry32) and a Fisher-Yates shuffle on it.
let state = SEED >>> 0;
function next(below) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
function shuffle(list) {
  const out = list.slice();
  for (let i = out.length - 1; i > 0; i--) {
    const j = next(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

// Read the facts: "## device", "= answer", then one question per line.
const facts = [];
let device = "";
read("facts.txt")
  .split("\n")
  .forEach((raw, index) => {
    const line = raw.trim();
    if (line.startsWith("## ")) device = line.slice(3);
    else if (line.startsWith("= ")) facts.push({ device, answer: line.slice(2), questions: [] });
    else if (line !== "" && !line.startsWith("#")) {
      if (facts.length === 0) fail(`facts.txt:${index + 1}: a question before any answer`);
      facts[facts.length - 1].questions.push(line);
    }
  });

// Check the style, and that every question and every answer occurs once.
const ASKS = /^(how|what|which|when|where|why|who|is|are|do|does|can|may|must|should)\b/;
const seen = new Set();
const answers = new Set();
for (const { device: name, answer, questions } of facts) {
  if (name === "") fail(`no device for: ${answer}`);
  if (answers.has(answer)) fail(`answer given twice: ${answer}`);
  answers.add(answer);
  if (answer.length > MAX_ANSWER) fail(`answer too long: ${answer}`);
  if (!/^[A-Z][A-Za-z0-9 ,.]*\.$/.test(answer)) fail(`answer style: ${answer}`);
  if (questions.length < MIN_QUESTIONS) fail(`only ${questions.length} questions for: ${answer}`);
  for (const q of questions) {
    if (seen.has(q)) fail(`question given twice: ${q}`);
    seen.add(q);
    if (!/^[a-z0-9 ,]+\??$/.test(q) || q.includes("  ")) fail(`question style: ${q}`);
    if (ASKS.test(q) && !q.endsWith("?")) fail(`question mark missing: ${q}`);
  }
}

// One or two questions of every fact to choose settings by, as many to measure the result; the rest is for training.
const train = [];
const validation = [];
const heldout = [];
for (const { answer, questions } of facts) {
  const order = shuffle(questions).map((question) => ({ question, answer }));
  const held = questions.length >= TWO_HELD_FROM ? 2 : 1;
  validation.push(...order.slice(0, held));
  heldout.push(...order.slice(held, 2 * held));
  train.push(...order.slice(2 * held));
}

const text = (list) =>
  shuffle(list)
    .map((x) => `Q: ${x.question}\nA: ${x.answer}\n\n`)
    .join("");
const made = [
  { name: "train.txt", body: text(train), count: train.length },
  { name: "validation.txt", body: text(validation), count: validation.length },
  { name: "heldout.txt", body: text(heldout), count: heldout.length },
];

const check = process.argv.includes("--check");
const devices = new Set(facts.map((f) => f.device));
console.log(`facts.txt: ${facts.length} facts about ${devices.size} devices, ${seen.size} questions`);
let differs = false;
for (const { name, body, count } of made) {
  if (check) {
    const same = existsSync(at(name)) && read(name) === body;
    if (!same) differs = true;
    console.log(`${name}: ${same ? "up to date" : "DIFFERS, run: node make.mjs"}`);
  } else {
    writeFileSync(at(name), body);
    console.log(`${name}: wrote ${count} exchanges, ${Buffer.byteLength(body)} bytes`);
  }
}
if (differs) process.exit(1);
