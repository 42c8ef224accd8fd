"""Files of neural fields: descriptions, containers, and the checkpoints of trainers."""
