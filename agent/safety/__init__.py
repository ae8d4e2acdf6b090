"""Turns a wish into a verdict. Pure, total, readable in one sitting."""
