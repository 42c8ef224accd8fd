"""Operations that turn the bytes of files into arrays and back."""
