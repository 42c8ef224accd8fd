"""The parts of the compressed PLY reader and writer."""
