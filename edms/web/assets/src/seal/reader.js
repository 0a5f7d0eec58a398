// Finds paper seals in a picture, a canvas or the camera's image (zxing-cpp as WebAssembly; nothing is fetched).
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";
import wasm from "zxing-wasm/reader/zxing_reader.wasm";
import { isSeal } from "./claims.js";

prepareZXingModule({ overrides: { wasmBinary: wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength) } });

const THOROUGH = { formats: ["QRCode"], tryHarder: true, tryRotate: true, tryInvert: true, tryDownscale: true, maxNumberOfSymbols: 8 };
const QUICK = { formats: ["QRCode"], tryHarder: false, tryRotate: true, maxNumberOfSymbols: 4 };
const LARGEST = 4000;

// Returns the texts of all seals found in ImageData.
export async function sealsIn(image, { quick = false } = {}) {
  const found = await readBarcodes(image, quick ? QUICK : THOROUGH);
  return [...new Set(found.map((symbol) => symbol.text).filter(isSeal))];
}

// Returns ImageData of a picture file, upright and of bounded size, and the same enlarged or shrunk for another try.
export async function* picturesOf(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const whole = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  for (const scale of [whole, whole * 0.6, Math.min(whole * 1.6, (whole * LARGEST) / Math.max(bitmap.width, bitmap.height))]) {
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    yield context.getImageData(0, 0, canvas.width, canvas.height);
  }
}
