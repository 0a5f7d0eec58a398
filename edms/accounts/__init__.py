"""الحسابات: signing in, sessions, and which roles an account carries."""
