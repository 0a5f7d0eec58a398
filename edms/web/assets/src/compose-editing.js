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
