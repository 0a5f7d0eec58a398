"""Alembic migrations; ``HEAD`` names the newest so that two new ones collide in git and not in production."""
