"""The mail gateway: SMTP in (gateway) and SMTP out (relay)."""
