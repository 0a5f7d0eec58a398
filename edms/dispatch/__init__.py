"""Dispatch: the outbox, its delivery attempts and the package that carries a letter on the wire."""
