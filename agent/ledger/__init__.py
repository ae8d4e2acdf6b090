"""The books: which machine ran for nobody, for how long, at what cost in energy."""
