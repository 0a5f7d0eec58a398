// Base45 (RFC 9285): bytes in the 45 characters of the alphanumeric mode of QR symbols.
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

export function decode(text) {
  const bytes = [];
  for (let start = 0; start < text.length; start += 3) {
    const digits = [...text.slice(start, start + 3)].map((character) => ALPHABET.indexOf(character));
    const value = digits.reduce((sum, digit, place) => sum + digit * 45 ** place, 0);
    if (digits.includes(-1) || digits.length === 1 || value >= 256 ** (digits.length - 1)) throw new Error("broken");
    if (digits.length === 3) bytes.push(value >> 8);
    bytes.push(value & 255);
  }
  return Uint8Array.from(bytes);
}
