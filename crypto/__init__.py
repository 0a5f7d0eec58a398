"""Cryptography, codes and barcodes of Diwan: values in, values out; no web, no database, no settings."""
