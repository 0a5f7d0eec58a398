"""Who can still open a letter: named readers with keys of their own, or, once it is destroyed, nobody."""
