// Keeps the form on the server: three seconds after the last key, and when the form is left. The server says whether
// another tab was faster; then nothing is kept here any more and saving shows both texts.
const IDLE = 3000;

export function installAutosave(form) {
  const said = document.getElementById("autosaved");
  if (!said || !form.dataset.autosave || form.dataset.autosaveOff !== undefined) return;
  let timer = 0;
  let dirty = false;
  let stopped = false;
  let sending = null;

  const say = (text, wrong) => {
    said.textContent = text;
    said.classList.toggle("autosave-wrong", wrong);
  };

  async function send(keepalive) {
    const data = new FormData(form);
    data.delete("attachments");
    data.delete("action");
    const token = document.querySelector('meta[name="csrf-token"]').content;
    try {
      const answer = await fetch(form.dataset.autosave, {
        method: "POST", body: data, keepalive, redirect: "error", headers: { "X-CSRF-Token": token },
      });
      const told = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : null;
      if (!told) throw new TypeError("no answer of ours");
      say(told.said, !answer.ok);
      if (answer.ok) {
        form.elements.revision.value = told.revision;
        remember(told.form);
      }
      stopped = answer.status === 409;
    } catch {
      dirty = true;
      say(form.dataset.unsaved, true);
    }
  }

  // A new letter that is kept has an address of its own, so that reloading or signing in again comes back to it.
  function remember(key) {
    if (!key || form.elements.letter.value || location.search.includes(key)) return;
    history.replaceState(history.state, "", `/letters/new?form=${key}`);
  }

  function keep(keepalive = false) {
    clearTimeout(timer);
    if (!dirty || stopped || sending) return;
    dirty = false;
    sending = send(keepalive).finally(() => {
      sending = null;
      if (dirty) later();
    });
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(keep, IDLE);
  }

  const typed = (event) => {
    if (event.target.type === "file" || event.target.name?.startsWith("find_")) return;
    dirty = true;
    later();
  };
  form.addEventListener("input", typed);
  form.addEventListener("change", typed);
  form.addEventListener("focusout", (event) => {
    if (!form.contains(event.relatedTarget)) keep();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") keep(true);
  });
  // Saving waits for a keeping under way, whose answer carries the revision that the save must name.
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    dirty = false;
    if (!sending) return;
    event.preventDefault();
    const button = event.submitter;
    sending.finally(() => form.requestSubmit(button));
  });
}
