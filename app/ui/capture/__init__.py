"""The cameras of a capture in the window: frusta over the picture, and their photos."""
