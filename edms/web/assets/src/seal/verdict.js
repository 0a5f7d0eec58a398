// What a seal proves with the lists at hand: the trusted keys, and what was void when the lists were made.
import { claims, isBy, parts, unbase64 } from "./claims.js";
import { unpacker } from "./words.js";

const DAY = 86400000;

// `lists` is { keys: {kid: {spki, entity, from, to, revoked}}, status: {"entity/year": {void: [], superseded: []}}, … }.
export function judge(lists) {
  const unpack = unpacker(Object.fromEntries(Object.entries(lists.dictionaries).map(([number, text]) => [number, unbase64(text)])));
  return async (text) => {
    let seal, told;
    try {
      seal = parts(text);
      told = await claims(seal.payload, unpack);
    } catch {
      return { answer: "unknown", reason: "broken" };
    }
    const key = lists.keys[seal.keyId];
    if (!key) return { answer: "unknown-key", reason: "unknown-key", claims: told };
    if (!(await isBy(seal, unbase64(key.spki)))) return { answer: "altered", reason: "forged" };
    if (key.entity !== told.sender) return { answer: "altered", reason: "other-body" };
    const day = Date.parse(told.day);
    if (day + DAY < Date.parse(key.from) - DAY || day > Date.parse(key.to) + DAY) return { answer: "unknown-key", reason: "outside-validity", claims: told };
    if (key.revoked && Date.parse(key.revoked) <= day + DAY) return { answer: "unknown-key", reason: "revoked", claims: told };
    const status = lists.status[`${told.sender}/${told.day.slice(0, 4)}`] ?? {};
    for (const answer of ["void", "superseded"]) {
      if ((status[answer] ?? []).includes(told.statusIndex)) return { answer, reason: answer, claims: told };
    }
    return { answer: "authentic", reason: "seal-genuine", claims: told };
  };
}

// Returns [count, unit] of the time since a day, in whole years, months or days.
export function age(day, today) {
  const [y, m, d] = day.split("-").map(Number);
  const [ty, tm, td] = today.split("-").map(Number);
  const months = (ty - y) * 12 + (tm - m) - (td < d ? 1 : 0);
  if (months >= 12) return [Math.floor(months / 12), "years"];
  if (months >= 1) return [months, "months"];
  return [Math.max(0, Math.round((Date.parse(today) - Date.parse(day)) / DAY)), "days"];
}
