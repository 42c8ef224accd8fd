"""Multiplane images on disk: what their formats share, and the work of each."""
