"""A batch: its hops in order, what they write down, and what is deleted after it."""
