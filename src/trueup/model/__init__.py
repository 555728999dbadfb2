"""The nouns: pure data, numpy only, no input or output."""
