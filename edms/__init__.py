"""Diwan: electronic document management and official e-mail for a whole government."""
