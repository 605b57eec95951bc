"""Tables of schools as they really are: found, understood, cleaned, and written as our own strict formats."""
