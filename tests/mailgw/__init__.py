"""Tests of the mail gateway."""
