"""Masking: find secrets in texts and streams and put placeholders in their place; pure."""
