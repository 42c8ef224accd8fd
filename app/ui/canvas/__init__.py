"""The picture: one texture on one quad, overlays above it, and what moves the camera."""
