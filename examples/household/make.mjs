// Makes train.txt, validation.txt and heldout.txt from facts.txt.
//   node make.mjs          writes the files
//   node make.mjs --check  exits 1 if the files on disk differ from what would be made
// Nothing but Node, and the same result on every machine.
import { fail, read, writeOrCheck } from "../make/files.mjs";
import { createRandom } from "../make/random.mjs";

const SEED = 20; // changes the order and which questions are in which file
const MIN_QUESTIONS = 8; // per fact
const TWO_HELD_FROM = 10; // facts with this many questions give two to each of the other files, others one
const MAX_ANSWER = 99; // bytes

const { shuffle } = createRandom(SEED);

// Read the facts: "## device", "= answer", then one question per line.
const facts = [];
let device = "";
read(new URL("facts.txt", import.meta.url))
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
const file = (name, list) => ({ name, body: text(list), what: `${list.length} exchanges` });

const devices = new Set(facts.map((f) => f.device));
console.log(`facts.txt: ${facts.length} facts about ${devices.size} devices, ${seen.size} questions`);
writeOrCheck(import.meta.url, [
  file("train.txt", train),
  file("validation.txt", validation),
  file("heldout.txt", heldout),
]);
