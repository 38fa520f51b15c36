"""Where files are kept: the landing store, in a folder or in a bucket."""
