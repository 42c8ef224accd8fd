"""Gaussian splats as pixels."""
