"""The parts of the ``.ksplat`` reader and writer."""
