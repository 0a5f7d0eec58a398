"""Tests of beginning, running and examining an installation."""
