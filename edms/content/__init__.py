"""المحتوى: encrypted files, one fresh key each, wrapped for every body that holds a copy."""
