"""التحقق: what the public may ask about a letter, verdicts on codes and files, and whose copy a paper is."""
