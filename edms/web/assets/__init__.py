"""Front-end assets: what is bundled, from which pinned packages, and how."""
