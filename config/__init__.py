"""Settings of an installation: typed, frozen, loaded once at the edge."""
