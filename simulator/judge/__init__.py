"""What a run is worth: books, scores, the oracle, reports."""
