"""Every solution of a visit measured: pairs of exposures, and each against a catalogue."""
