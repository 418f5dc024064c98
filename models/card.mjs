// The card of a model: what it is, what it was made from, what it reaches and what it writes.
import { markdownTable } from "../bench/shared/results.mjs";

/** What each kind of text is, and what models of it must not be taken for. */
const kinds = {
  stories: {
    title: "short stories in simple English",
    training: "TinyStories: the first 2 MiB of version 1 and the first 10,000 lines of version 2, as they are",
    heldOut: "the first 256 KiB of the validation part of version 2, which shares no story with the training text",
    limits: [
      "It knows the words and the grammar of synthetic stories for small children, and nothing about the world.",
      "It follows a thread for a sentence or two; people and things change within a story.",
    ],
  },
  commands: {
    title: "command-line help",
    training:
      "the examples of tldr's pages for all platforms and for Linux, as pairs of lines: `name: task` and `$ command`; " +
      "braces around placeholders left out, of two spellings of an option the long one",
    heldOut: "the pages, one in 20 by a hash of their name, that it was not trained on",
    limits: [
      "It has read thousands of pages and can hold few: it writes commands of the right shape, often with wrong names and options. Never run one unread.",
      "Asked for a command, it often writes another, made up or not, though the pages it was trained on have it: after `tar: extract an archive`, say.",
      "A page says its command's name in every line: the default `--recall words` sometimes says it twice (`docker container container ls`, `loglogin`), and with `--recall off` another command may take its place.",
    ],
  },
  novels: {
    title: "French prose of the 19th century",
    training: "ten French novels for or about children, blanks, apostrophes and dashes made plain",
    heldOut: "an eleventh novel by an author who is not among the ten's: Stolz, FRA03903",
    limits: [
      "It writes words, phrases and dialogue that look French; a sentence seldom makes sense to its end.",
      "Its language, and its view of the world, are those of the 1850s to 1900s.",
    ],
  },
};

const number = (value) => value.toLocaleString("en-US");
const fenced = (text) => `\`\`\`text\n${text}\n\`\`\``;

/** Markdown of a card; every figure in it was measured on the model it stands beside. */
export function modelCard({ name, recipe, config, sets, facts, score, samples, sha256 }) {
  const kind = kinds[recipe.text];
  const { batch, context, steps } = config.train;
  const tried = recipe.seedChosenFrom;
  const chosen = tried === undefined ? "" : `, of seeds ${tried.join(", ")} the best on validation text`;
  const licences = [...new Set(sets.map(({ attribution }) => attribution))];
  const figures = [
    ["flash", `${number(facts.bytes)} bytes (the whole file)`],
    ["RAM", `${number(facts.ramBytes)} bytes (arena)`],
    [
      "held-out text",
      `${score.bitsPerByte.toFixed(4)} bits per byte, ${score.perplexity.toFixed(3)} perplexity per byte`,
    ],
    ["measured on", `${number(score.bytes)} bytes, read as one stream by the integer engine`],
    ["trained on", `${number(steps)} steps of ${batch} x ${context} symbols, seed ${config.train.seed ?? 0}${chosen}`],
    ["dimensions", dimensions(facts)],
    ["SHA-256 of model.atome", `\`${sha256}\``],
    ["SHA-256 of the training text", `\`${facts.metadata.dataSha256}\``],
  ];
  return `# ${name}

A model of ${kind.title} in ${number(facts.bytes)} bytes.

    atome generate ${name} ${JSON.stringify(recipe.prompts[0].trim())}

${markdownTable(["what", "figure"], figures)}

## Text

Trained on ${kind.training}. Held out: ${kind.heldOut}.

${licences.map((line) => `- ${line}`).join("\n")}

## Recipe

\`config.json\` is the whole configuration; what it leaves out has the defaults of ARCHITECTURE.md. This line makes the texts, trains, exports to the same bytes, measures, and writes this card:

    npm run models -- ${name}

## Samples

As they come, at most 300 bytes each; temperature 0 takes the likeliest symbol, others choose among those that together reach 0.9 (\`--top-p\`).${facts.recall ? " Recall follows single symbols (`--recall words`)." : ""}

${samples.map(sampleText).join("\n\n")}

## Limits

${kind.limits.map((line) => `- ${line}`).join("\n")}
`;
}

function dimensions({ block, dimensions: size, options }) {
  const inner = block === "gated" ? `, inner width ${size.dInner}` : "";
  const more = options.filter((option) => /^(?:matrices|recall)/.test(option));
  return [`${block} block, width ${size.dModel}${inner}, ${size.nLayers} layers, ${size.vocab} symbols`, ...more].join(
    ", ",
  );
}

const sampleText = ({ prompt, temperature, seed, text }) =>
  `Temperature ${temperature}${temperature > 0 ? `, seed ${seed}` : ""}, after ${JSON.stringify(prompt)}:\n\n${fenced(prompt + text)}`;
