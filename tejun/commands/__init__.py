"""The command line, one file per concern. Heavy imports stay inside the commands."""
