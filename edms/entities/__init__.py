"""الجهات: the register of bodies, their units, posts and staff, and the keys of each body."""
