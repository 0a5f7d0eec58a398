// The form of a letter: kept by itself while one types, marks and phrases at the cursor, the page looked at, keys.
import { installAutosave } from "./compose-autosave.js";
import { installEditing } from "./compose-editing.js";

const form = document.getElementById("compose");

function countFiles() {
  const counter = form.elements.files;
  const chosen = form.querySelector('input[type="file"]');
  if (counter && chosen) counter.value = Number(counter.dataset.stored) + chosen.files.length;
}

function turnPage(event) {
  const button = event.target.closest("[data-preview-page]");
  const beside = document.getElementById("beside");
  if (!button || !beside) return;
  const page = beside.querySelector('[name="preview_page"]');
  if (page) page.value = button.dataset.previewPage;
  beside.dispatchEvent(new Event("preview"));
}

function choosePane(event) {
  const button = event.target.closest("[data-pane]");
  if (!button) return;
  form.querySelector("[data-pane-shown]").dataset.paneShown = button.dataset.pane;
  for (const other of form.querySelectorAll("[data-pane]")) other.setAttribute("aria-pressed", other === button);
}

function onKey(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const action = { KeyS: "save", Enter: "submit", NumpadEnter: "submit" }[event.code];
  const button = action && form.querySelector(`.action-foot button[name="action"][value="${action}"]`);
  if (!button) return;
  event.preventDefault();
  form.requestSubmit(button);
}

if (form) {
  for (const hidden of document.querySelectorAll("[data-needs-script]")) hidden.hidden = false;
  form.addEventListener("change", countFiles, { capture: true });
  form.addEventListener("click", turnPage);
  form.addEventListener("click", choosePane);
  form.addEventListener("keydown", onKey);
  installEditing(form);
  installAutosave(form);
}
