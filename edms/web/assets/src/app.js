// Everything here makes a page quicker to use; nothing here is needed to use it.
import "./hypermedia.js";
import { installShortcuts } from "./shortcuts.js";
import { installSelection } from "./selection.js";
import { installTray } from "./tray.js";

installShortcuts(document);
installSelection(document);
installTray(document);
