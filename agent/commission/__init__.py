"""For the person who sets a site up: what is on a line, what its registers could mean, what of the site answers."""
