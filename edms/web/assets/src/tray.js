// The signing tray: keys for the desk (J, K, A, B by place on the keyboard), and the ticks of what was looked at.
const STORED = "diwan-keys";

const typing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));

const keysAreOff = (root) => root.body.dataset.shortcuts === "off";

function press(root, element) {
  if (element.matches("summary")) {
    element.parentElement.open = true;
    element.parentElement.querySelector("textarea, input")?.focus();
    return;
  }
  const empty = element.form?.querySelector("input[name=step_up]");
  if (empty && !empty.value) empty.focus();
  else element.click();
}

function onKey(event) {
  const root = event.currentTarget;
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || typing(event.target) || keysAreOff(root)) return;
  const element = root.querySelector(`[data-key="${event.code}"]`);
  if (!element) return;
  event.preventDefault();
  press(root, element);
}

function keysSwitch(root) {
  const box = root.querySelector("[data-keys-switch]");
  if (!box) return;
  box.closest("[data-needs-script]").hidden = false;
  box.checked = localStorage.getItem(STORED) !== "off";
  box.addEventListener("change", () => {
    localStorage.setItem(STORED, box.checked ? "on" : "off");
    root.body.dataset.shortcuts = box.checked ? "on" : "off";
  });
}

function batch(root) {
  const form = root.querySelector("[data-batch]");
  if (!form) return;
  const boxes = () => [...root.querySelectorAll('input[form="batch"][name="letter"]')];
  const seen = (box) => {
    const card = box.closest("[data-letter]");
    return card.hasAttribute("data-seen") || card.dataset.pages === "1";
  };
  form.querySelector("[data-tick-seen]").addEventListener("change", (event) => {
    for (const box of boxes()) box.checked = event.target.checked && seen(box);
    tell();
  });
  const count = form.querySelector("[data-batch-count]");
  const tell = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    count.textContent = new Intl.NumberFormat(root.documentElement.lang === "ar" ? "ar-IQ" : "en").format(chosen);
    count.closest("[data-batch-told]").hidden = chosen === 0;
  };
  root.addEventListener("change", (event) => {
    if (event.target.matches?.('input[form="batch"]')) tell();
  });
}

export function installTray(root) {
  if (localStorage.getItem(STORED) === "off") root.body.dataset.shortcuts = "off";
  root.addEventListener("keydown", onKey);
  keysSwitch(root);
  batch(root);
}
