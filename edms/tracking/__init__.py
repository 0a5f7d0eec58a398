"""التتبع: where a letter has got to, told as separate facts, and what happened to it in its own body."""
