"""The parts of the SOG reader and writer: description, pictures, reading, writing, levels."""
