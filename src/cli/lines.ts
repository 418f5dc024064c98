/**
 * The lines of a stream as they come, each as its bytes without the line's end (LF or CRLF); a last line may lack it.
 *
 * @example
 * for await (const line of linesOf(process.stdin)) engine.encode(line);
 */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let parts: Uint8Array[] = [];
  for await (const piece of stream) {
    let begin = 0;
    for (let end = piece.indexOf(LF); end >= 0; end = piece.indexOf(LF, begin)) {
      yield line([...parts, piece.subarray(begin, end)]);
      parts = [];
      begin = end + 1;
    }
    if (begin < piece.length) parts.push(piece.subarray(begin));
  }
  if (parts.length > 0) yield line(parts);
}

const LF = 10;
const CR = 13;

function line(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts);
  return bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes;
}
