// The page that verifies paper seals by itself, with no network: from a photo, the camera, or a pasted text.
import { age, judge } from "./seal/verdict.js";
import { isSeal } from "./seal/claims.js";
import { picturesOf, sealsIn } from "./seal/reader.js";

const lists = JSON.parse(document.getElementById("seal-lists").textContent);
const judged = judge(lists);
const at = (id) => document.getElementById(id);
let language = document.documentElement.lang === "en" ? "en" : "ar";
let shown = null;
let camera = null;

const word = (key) => lists.texts[language][key] ?? key;
const name = (code) => lists.names[code]?.[language] ?? code;
const digits = (value) => (language === "ar" ? String(value).replace(/[0-9]/g, (digit) => "٠١٢٣٤٥٦٧٨٩"[digit]) : String(value));

// A slash beside Arabic letters or digits stays between them where it was written (UAX #9 joins «٤/١٢٨٧» from the left).
const ordered = (text) => text.replace(/(?<=[\u0621-\u064a\u0660-\u0669])\/(?=[\u0621-\u064a\u0660-\u0669])/g, "\u200f/\u200f");

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function date(day) {
  const options = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
  const gregorian = new Intl.DateTimeFormat(language === "ar" ? "ar-IQ-u-nu-arab" : "en-GB", options).format(new Date(day));
  const hijri = new Intl.DateTimeFormat(language === "ar" ? "ar-u-ca-islamic-umalqura-nu-arab" : "en-u-ca-islamic-umalqura", options).format(new Date(day));
  return `${gregorian} – ${hijri}`;
}

function facts(told) {
  const list = document.createElement("dl");
  const add = (label, value, attributes = {}) => {
    list.append(element("dt", word(label)), element("dd", value, attributes));
  };
  add("issued-by", name(told.sender));
  add("number", `\u200f${ordered(digits(told.number))}`);
  add("date", date(told.day));
  add("subject", ordered(told.subject), { dir: "auto" });
  const more = told.recipientCount - told.recipients.length;
  add("to", [...told.recipients.map(name), ...(more > 0 ? [`+ ${digits(more)}`] : [])].join(language === "ar" ? "، " : ", "));
  add("pages", digits(told.pages));
  add("document-code", told.documentCode.replace(/^(.{6})(.{2})(.{8})(.{2})$/, "$1.$2.$3.$4"), { dir: "ltr", class: "code" });
  return list;
}

function show(verdict) {
  shown = verdict;
  const place = at("seal-verdict");
  place.replaceChildren();
  if (!verdict) return;
  const box = element("div", "", { class: `verdict verdict-${verdict.answer}` });
  box.append(element("h2", word(`answer-${verdict.answer}`)), element("p", word(`reason-${verdict.reason}`)));
  place.append(box);
  if (verdict.claims) {
    const told = verdict.claims;
    const [count, unit] = age(told.day, new Date().toISOString().slice(0, 10));
    const ago = new Intl.RelativeTimeFormat(language === "ar" ? "ar-u-nu-arab" : "en").format(-count, unit);
    const text = `${word("written")} ${ago}`;
    place.append(element("p", unit === "years" ? `${word("old")} ${text}` : text, { class: unit === "years" ? "warning" : "hint" }));
    place.append(facts(told));
    if (told.text !== null) {
      place.append(element("h3", word("signed-words")), element("p", word("compare"), { class: "hint" }));
      place.append(element("div", ordered(told.text), { class: "words", dir: "auto" }));
    } else {
      place.append(element("p", word("no-words"), { class: "hint" }));
    }
    place.append(element("p", word("as-of").replace("%(date)s", date(lists.made_at.slice(0, 10))), { class: "hint" }));
  }
  place.focus();
}

async function judgeAll(texts) {
  if (texts.length === 0) return show({ answer: "unknown", reason: "no-seal" });
  const verdicts = await Promise.all(texts.map(judged));
  if (texts.length > 1) return show({ answer: "altered", reason: "two-seals" });
  return show(verdicts[0]);
}

async function judgeFile(file) {
  at("seal-busy").hidden = false;
  try {
    let texts = [];
    for await (const picture of picturesOf(file)) {
      texts = await sealsIn(picture);
      if (texts.length) break;
    }
    await judgeAll(texts);
  } catch {
    show({ answer: "unknown", reason: "not-a-picture" });
  } finally {
    at("seal-busy").hidden = true;
  }
}

async function startCamera() {
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } } });
  } catch {
    show({ answer: "unknown", reason: "no-camera" });
    return;
  }
  const video = at("seal-video");
  video.srcObject = camera;
  at("seal-camera").hidden = false;
  await video.play();
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  while (camera) {
    if (video.videoWidth) {
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      context.drawImage(video, 0, 0);
      const texts = await sealsIn(context.getImageData(0, 0, canvas.width, canvas.height), { quick: true });
      if (texts.length) {
        stopCamera();
        await judgeAll(texts);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
}

function stopCamera() {
  camera?.getTracks().forEach((track) => track.stop());
  camera = null;
  at("seal-camera").hidden = true;
}

function speak() {
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = word(each.dataset.text);
  show(shown);
}

at("seal-file").addEventListener("change", (event) => event.target.files[0] && judgeFile(event.target.files[0]));
at("seal-start").addEventListener("click", startCamera);
at("seal-stop").addEventListener("click", stopCamera);
at("seal-language")?.addEventListener("click", () => {
  language = language === "ar" ? "en" : "ar";
  speak();
});
document.addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text").trim();
  if (event.clipboardData.files[0]) judgeFile(event.clipboardData.files[0]);
  else if (isSeal(text)) judgeAll([text]);
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) judgeFile(event.dataTransfer.files[0]);
});
if (!navigator.mediaDevices?.getUserMedia) at("seal-start").hidden = true;
if (at("seal-language")) speak();
