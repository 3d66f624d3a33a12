"""IDPro: interactive video object segmentation for people."""
