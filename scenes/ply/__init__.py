"""The parts of the PLY reader and writer: header, meaning of the properties, rows, writing."""
