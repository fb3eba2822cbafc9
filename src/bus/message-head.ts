// Reads the head of a message, never its body. Layout: D-Bus specification, "Message Format".

export const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
export const SIGNAL = 4;
const KINDS: readonly number[] = [METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL];

export const NO_REPLY_EXPECTED = 1;

/** Before the header fields. */
export const FIXED_BYTES = 16;

export interface MessageHead {
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  readonly bodyBytes: number;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly sender: string;
  readonly signature: string;
}

/** Lengths of the padded header fields and of the body, from the first FIXED_BYTES. */
export function readLengths(fixed: Buffer): { readonly fieldsBytes: number; readonly bodyBytes: number } {
  const read = numberReader(fixed);
  return { fieldsBytes: align(read(12), 8), bodyBytes: read(4) };
}

/**
 * @param bytes the message up to its body
 * @returns undefined for an unknown type of message or field
 */
export function readHead(bytes: Buffer): MessageHead | undefined {
  const read = numberReader(bytes);
  const type = bytes.readUInt8(1);
  const texts = readFields(bytes, FIXED_BYTES + read(12));
  if (texts === undefined || !KINDS.includes(type)) return undefined;
  const text = (code: number) => texts.get(code) ?? "";
  return {
    type,
    flags: bytes.readUInt8(2),
    serial: read(8),
    bodyBytes: read(4),
    path: text(1),
    interface: text(2),
    member: text(3),
    sender: text(7),
    signature: text(8),
  };
}

const BIG_ENDIAN = "B".charCodeAt(0);

const numberReader = (bytes: Buffer) => (at: number) =>
  bytes.readUInt8(0) === BIG_ENDIAN ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);

const align = (at: number, to: number) => Math.ceil(at / to) * to;

/** The fields with text, by code. The type is a(yv) of strings, paths, signatures and numbers. */
function readFields(bytes: Buffer, end: number): Map<number, string> | undefined {
  const read = numberReader(bytes);
  const texts = new Map<number, string>();
  for (let at = FIXED_BYTES; at < end; at = align(at, 8)) {
    const code = bytes.readUInt8(at);
    const type = String.fromCharCode(bytes.readUInt8(at + 2));
    // Skips code, and the signature: length, one character, zero.
    at += 4;
    if (type === "u") {
      at += 4;
      continue;
    }
    const isShort = type === "g";
    if (!isShort && type !== "s" && type !== "o") return undefined;
    const length = isShort ? bytes.readUInt8(at) : read(at);
    const start = at + (isShort ? 1 : 4);
    texts.set(code, bytes.toString("utf8", start, start + length));
    at = start + length + 1;
  }
  return texts;
}
