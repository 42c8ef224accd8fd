"""Operations on neural fields: encodings of positions and directions, small networks."""
