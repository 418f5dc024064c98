/** Invisible characters that would end a line, hide text or turn its direction. */
const INVISIBLE = /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

/** One line in which everything can be seen: white space is a space, what is invisible is U+FFFD. */
export const visible = (text: string): string =>
  text.replaceAll(/[\t\n\v\f\r\u0085\u2028\u2029 ]+/g, " ").replaceAll(INVISIBLE, "\ufffd");

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text for HTML and SVG, between tags and in quoted attributes. */
export const escapedHtml = (text: string): string =>
  visible(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character]);

/** Text for a paragraph or a table's cell of Markdown (GitHub's): no markup, no link, no block. */
export const escapedMarkdown = (text: string): string =>
  visible(text)
    .trim()
    .replaceAll(/[\\`*_[\]|~#$@^!]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/(https?|ftp):/gi, "$1\\:")
    .replaceAll(/(www)\./gi, "$1\\.")
    .replace(/^[-+=]/, "\\$&")
    .replace(/^(\d+)([.)])(?= |$)/, "$1\\$2");
