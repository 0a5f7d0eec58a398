"""The shell of the web side: page frame, locale, security headers, CSRF, guards and errors; it knows no feature."""
