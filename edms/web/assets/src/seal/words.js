// The words in a seal: zstd (RFC 8878) with the dictionary that the first byte names, without the frame's magic number.
import { createDCtx, decompressUsingDict, freeDCtx, init } from "@bokuweb/zstd-wasm";
import wasm from "../../node_modules/@bokuweb/zstd-wasm/dist/web/zstd.wasm";

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const MOST_BYTES = 16000;
let ready = null;

// Returns a function that unpacks words; `dictionaries` are bytes by number.
export function unpacker(dictionaries) {
  return async (packed) => {
    const dictionary = dictionaries[packed[0]];
    if (!dictionary) throw new Error("unknown dictionary");
    ready ??= init(wasm);
    await ready;
    const context = createDCtx();
    try {
      const frame = Uint8Array.from([...MAGIC, ...packed.subarray(1)]);
      const bytes = decompressUsingDict(context, frame, dictionary, { defaultHeapSize: MOST_BYTES });
      if (bytes.length > MOST_BYTES) throw new Error("too long");
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } finally {
      freeDCtx(context);
    }
  };
}
