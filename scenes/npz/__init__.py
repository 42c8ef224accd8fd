"""The parts of the reader and writer of parameter dumps: arrays in an archive."""
