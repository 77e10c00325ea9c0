"""Questions about a warehouse. Nothing here writes."""
