"""Other programs' templates, turned into our layout."""
