"""The session: rounds of interaction, truncated propagation, undo, and the workspace that keeps them."""
