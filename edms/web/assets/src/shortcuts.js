// Keys of the lists, read by their place on the keyboard so that an Arabic layout has them too.
const KEYS = { KeyJ: 1, KeyK: -1 };

const typing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));

function rows(root) {
  return [...root.querySelectorAll("table.list tbody tr")].filter((row) => row.querySelector("a[href]"));
}

function move(root, step) {
  const all = rows(root);
  if (all.length === 0) return;
  const here = all.findIndex((row) => row.contains(root.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, here + step));
  all[next].querySelector("a[href]").focus();
}

function onKey(event) {
  const root = event.currentTarget;
  if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
  if (root.body.dataset.shortcuts === "off") return;
  if (event.code === "Slash" && !event.shiftKey) {
    root.getElementById("search-text")?.focus();
  } else if (event.code in KEYS) {
    move(root, KEYS[event.code]);
  } else if (event.code === "KeyX") {
    const box = root.activeElement?.closest("tr")?.querySelector('input[type="checkbox"]');
    if (!box) return;
    box.click();
  } else if (event.code === "KeyC") {
    const compose = root.querySelector("[data-shortcut=compose]");
    if (!compose) return;
    compose.click();
  } else {
    return;
  }
  event.preventDefault();
}

export function installShortcuts(root) {
  root.addEventListener("keydown", onKey);
}
