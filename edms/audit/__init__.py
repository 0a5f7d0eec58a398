"""التدقيق: the log of events, written in the same transaction as the change each event speaks of."""
