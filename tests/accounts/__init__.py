"""Tests of accounts, sign-in and their pages."""
