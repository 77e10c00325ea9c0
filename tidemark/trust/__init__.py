"""Whether the layers say the same, and how to derive the later ones again."""
