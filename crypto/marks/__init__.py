"""Hidden marks of issued copies: a tint that is read blind, and shifts of joined letters read against the original."""
