"""Accuracy of measuring alignment: simulated frames, trueup and its peers side by side."""
