"""Tests of the register of bodies and staff."""
