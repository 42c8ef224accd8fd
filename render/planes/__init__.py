"""Rendering of plane scenes."""
