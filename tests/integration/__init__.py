"""The command line as a whole, with files, pipes and signals."""
