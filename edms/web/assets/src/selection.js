// The box in a list's heading takes or leaves all boxes of that list; menus close on Escape and on a click elsewhere.
function onChange(event) {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || !box.matches("[data-select-all]")) return;
  for (const other of box.closest("table").querySelectorAll('tbody input[type="checkbox"]')) other.checked = box.checked;
}

function closeMenus(root, except) {
  for (const menu of root.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

export function installSelection(root) {
  root.addEventListener("change", onChange);
  root.addEventListener("click", (event) => closeMenus(root, event.target.closest("details.menu")));
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = root.querySelector("details.menu[open]");
    closeMenus(root, null);
    open?.querySelector("summary").focus();
  });
}
