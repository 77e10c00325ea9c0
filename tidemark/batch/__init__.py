"""A batch: its hops in order, the journal of what they did, and what is deleted after it."""
