"""A simulator of leaks: marked pages go through printers, scanners, copiers, cameras, screens and messengers."""
