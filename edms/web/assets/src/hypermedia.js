// htmx under a strict content security policy: one trusted-types policy, no scripts, the CSRF token on every request.
import htmx from "htmx.org";

const refuse = () => {
  throw new TypeError("scripts in fragments are refused");
};

htmx.registerExtension("diwan", {
  init(api) {
    if (window.trustedTypes) {
      api.initSecurity(window.trustedTypes.createPolicy("htmx", { createHTML: (text) => text, createScript: refuse }));
    }
  },
});

document.addEventListener("htmx:config:request", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token) event.detail.ctx.request.headers["X-CSRF-Token"] = token.content;
});
