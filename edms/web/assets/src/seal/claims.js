// Reads the paper seal (docs/formats/paper-seal.md): "AT1:" and in base45 a COSE_Sign1 with ES256 over integer-keyed claims.
import { decode as cbor, encode } from "cborg";
import { decode as base45 } from "./base45.js";

const PREFIX = "AT1:";
const SIGN1_TAG = 0xd2;
const LONGEST = 2000;
const DAY = 86400000;
const STRICT = { useMaps: true, strict: true, allowIndefinite: false, allowUndefined: false, rejectDuplicateMapKeys: true };

export class SealError extends Error {}

const read = (bytes) => {
  try {
    return cbor(bytes, STRICT);
  } catch {
    throw new SealError("broken");
  }
};

const demand = (holds) => {
  if (!holds) throw new SealError("broken");
};

export const isSeal = (text) => text.startsWith(PREFIX);

// Returns { keyId, protectedBytes, payload, signature } of a well-formed symbol.
export function parts(text) {
  demand(isSeal(text) && text.length <= LONGEST);
  let data;
  try {
    data = base45(text.slice(PREFIX.length));
  } catch {
    throw new SealError("broken");
  }
  demand(data[0] === SIGN1_TAG);
  const message = read(data.subarray(1));
  demand(Array.isArray(message) && message.length === 4);
  const [protectedBytes, unprotected, payload, signature] = message;
  demand(protectedBytes instanceof Uint8Array && payload instanceof Uint8Array && signature instanceof Uint8Array);
  demand(unprotected instanceof Map && unprotected.size === 0 && signature.length === 64);
  const header = read(protectedBytes);
  demand(header instanceof Map && header.size === 2 && header.get(1) === -7 && header.get(4) instanceof Uint8Array);
  return { keyId: hex(header.get(4)), protectedBytes, payload, signature };
}

// Returns the claims of a payload; `unpack` turns packed words into text.
export async function claims(payload, unpack) {
  const map = read(payload);
  demand(map instanceof Map && map.get(10) === 1 && Array.isArray(map.get(7)) && typeof map.get(13) === "string");
  const [count, ...told] = map.get(7);
  const number = (key) => {
    const value = map.get(key);
    demand(typeof value === "number" || typeof value === "bigint");
    return value;
  };
  const packed = map.get(12);
  let subject = map.get(5);
  let text = null;
  if (packed instanceof Uint8Array) {
    const words = await unpack(packed);
    const line = words.indexOf("\n");
    subject = line < 0 ? words : words.slice(0, line);
    text = line < 0 ? "" : words.slice(line + 1);
  }
  demand(typeof subject === "string");
  return {
    documentCode: String(number(1)).padStart(18, "0"),
    day: new Date(Date.UTC(2000, 0, 1) + Number(number(3)) * DAY).toISOString().slice(0, 10),
    sender: String(number(6)).padStart(8, "0"),
    recipients: told.map((code) => String(code).padStart(8, "0")),
    recipientCount: Number(count),
    pages: Number(number(8)),
    sensitivity: Number(number(9)),
    statusIndex: Number(number(11)),
    number: map.get(13),
    subject,
    text,
  };
}

// Says whether the seal is by the key (SPKI DER).
export async function isBy(seal, spki) {
  const key = await crypto.subtle.importKey("spki", spki, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const signed = encode(["Signature1", seal.protectedBytes, new Uint8Array(), seal.payload]);
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, seal.signature, signed);
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const unbase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
