"""Operation: beginning an installation, running its processes, and finding out what is wrong with it."""
