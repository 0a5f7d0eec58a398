"""Foundations shared by all features; no feature words here."""
