// Marks for headings, lists and tables, and stock phrases, at the cursor of the letter's text; undo keeps working.
const CELLS = "|  |  |  |";

function lines(area) {
  const { value, selectionStart, selectionEnd } = area;
  const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const after = value.indexOf("\n", selectionEnd);
  return { start, end: after < 0 ? value.length : after };
}

function put(area, start, end, text, cursor = text.length) {
  area.focus();
  area.setSelectionRange(start, end);
  // the only way that keeps the browser's own undo; where it is missing the text goes in all the same
  if (!document.execCommand?.("insertText", false, text)) {
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  area.setSelectionRange(start + cursor, start + cursor);
}

function mark(area, kind) {
  const { start, end } = lines(area);
  const chosen = area.value.slice(start, end).split("\n");
  const bare = chosen.map((line) => line.replace(/^\s*(#{1,2}|[-–•*]|[0-9٠-٩]{1,3}\s*[.)\-–])\s+/, ""));
  const gap = start > 0 && !area.value.slice(0, start).endsWith("\n\n") ? "\n" : "";
  if (kind === "table") {
    const rows = area.value.slice(start, end).trim() ? `${area.value.slice(start, end)}\n\n` : gap;
    put(area, start, end, `${rows}${CELLS}\n${CELLS}\n${CELLS}`, rows.length + 2);
    return;
  }
  const marks = { heading: () => "# ", bullets: () => "- ", numbers: (at) => `${at + 1}. ` };
  const written = (kind === "heading" ? bare.slice(0, 1) : bare).map((line, at) => marks[kind](at) + line);
  const rest = kind === "heading" && bare.length > 1 ? `\n\n${bare.slice(1).join("\n")}` : "";
  put(area, start, end, gap + written.join("\n") + rest, (gap + written.join("\n")).length);
}

function phrase(area, text) {
  const { value, selectionStart, selectionEnd } = area;
  const before = selectionStart > 0 && !/\s$/.test(value.slice(0, selectionStart)) ? " " : "";
  const after = selectionEnd < value.length && !/^\s/.test(value.slice(selectionEnd)) ? " " : "";
  put(area, selectionStart, selectionEnd, before + text + after, before.length + text.length);
}

// What comes from a word processor: rows of a table have tabs, list marks stand before a tab, and there are signs
// that nobody sees. It goes in as the plain form has it.
export function plainForm(text) {
  const clean = text
    .replace(/\r\n?/g, "\n")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f\u200b\u202a-\u202e\ufeff]/g, (sign) => (sign === "\v" || sign === "\f" ? "\n" : ""))
    .replace(/^[ \t]*[•·▪o§\uf0b7\uf0a7][ \t]+/gm, "- ")
    .replace(/^[ \t]*([0-9٠-٩]{1,3})[.)\-–]\t+/gm, "$1. ");
  const found = [];
  let rows = [];
  const flush = () => {
    const wide = Math.max(...rows.map((row) => row.length));
    if (rows.length > 1) found.push("", ...rows.map((row) => `| ${[...row, ...Array(wide - row.length).fill("")].join(" | ")} |`), "");
    else found.push(...rows.map((row) => row.join(" ")));
    rows = [];
  };
  for (const line of clean.split("\n")) {
    if (line.trim() && line.trim().includes("\t")) rows.push(line.split("\t").map((cell) => cell.trim()));
    else {
      if (rows.length) flush();
      found.push(line);
    }
  }
  if (rows.length) flush();
  return found.join("\n").replace(/\n{3,}/g, "\n\n").replace(/^\n+|\n+$/g, "");
}

function onPaste(event) {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  const plain = plainForm(text);
  if (!text || plain === text || plain.length > 1_000_000) return;
  event.preventDefault();
  const area = event.currentTarget;
  put(area, area.selectionStart, area.selectionEnd, plain);
}

// One stop of the Tab key for the whole toolbar; the arrows move inside it, in the direction of the page.
function onArrow(event) {
  const buttons = [...event.currentTarget.querySelectorAll("[data-mark]")];
  const here = buttons.indexOf(document.activeElement);
  const forward = getComputedStyle(event.currentTarget).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  const step = event.key === forward ? 1 : event.key === "ArrowLeft" || event.key === "ArrowRight" ? -1 : 0;
  if (here < 0 || !step) return;
  const next = buttons[(here + step + buttons.length) % buttons.length];
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
  next.focus();
  event.preventDefault();
}

export function installEditing(form) {
  const area = form.querySelector("#field-body");
  const bar = form.querySelector('[role="toolbar"]');
  if (!area || !bar) return;
  bar.addEventListener("keydown", onArrow);
  area.addEventListener("paste", onPaste);
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.mark) mark(area, button.dataset.mark);
    else if (button.dataset.phrase !== undefined) {
      event.preventDefault();
      button.closest("details").open = false;
      phrase(area, button.textContent);
    }
  });
}
