"""The product as a whole: command line, settings, and the embedded stack of `make demo`."""
