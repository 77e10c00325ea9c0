"""What a warehouse says of itself. Nothing here writes."""
