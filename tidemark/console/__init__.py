"""The edge for people who would rather look: pages over what the tables know. It only reads."""
