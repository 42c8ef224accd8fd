"""Operations on multiplane images: textures, warping and compositing, view-dependent colour."""
