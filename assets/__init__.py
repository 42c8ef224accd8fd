"""Data that the program carries: icons drawn for it. No code lives here."""
